# Debian packages, by what needs them. Sourced by ./run and ./test.
packages_build="build-essential cmake ninja-build ccache mold pkg-config libboost1.81-dev libssl-dev zlib1g-dev nlohmann-json3-dev libfmt-dev libspdlog-dev libtomlplusplus-dev libre2-dev libsqlite3-dev libcurl4-openssl-dev"
packages_test="libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev liblo-tools mosquitto mosquitto-clients openssl curl python3 python3-venv faketime iproute2 nftables wrk zsh fish tmux"
packages_node="nodejs npm"
packages_clang="clang-22 lld-22 libclang-rt-22-dev"

# install_packages NAME...: installs what is missing; says so; needs root or sudo only if something is.
install_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "these packages are missing and neither root nor sudo is here:$missing" >&2; return 1; }
    as_root="sudo"
  fi
  echo "installing:$missing"
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Two compiler jobs need up to 2.6 GB; more cores are used if the memory is there.
build_jobs() {
  cores=$(nproc)
  memory_gb=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  jobs=$((memory_gb / 2))
  [ "$jobs" -lt 1 ] && jobs=1
  [ "$jobs" -gt "$cores" ] && jobs=$cores
  echo "$jobs"
}
