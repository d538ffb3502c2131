"""Announced signals as Home Assistant finds them: discovery messages, commands, availability, over the real broker. This client does what Home
Assistant's MQTT integration does: subscribes to the prefix, then to the topics it is told, publishes commands as it is told."""
import json
import subprocess

from harness import mqtt
from harness.mqtt import Client
from harness.native import Peer, announce
from harness.router import Router, eventually, run

PARAM, EVENT = 0, 1
DESK = announce("/desk", ("/desk/dim", PARAM, "f32", "rw", "%", (0.0, 100.0)), ("/desk/on", PARAM, "bool", "rw"), ("/desk/door", PARAM, "bool", "r"),
                ("/desk/temperature", PARAM, "f64", "r", "°C"), ("/desk/go", EVENT, None, "w"))


class HomeAssistant(Client):
    """Learns entities from retained messages: component to config."""

    def __init__(self, port, prefix="homeassistant"):
        super().__init__(port, "homeassistant", clean=True)
        self.entities, self.states = {}, {}
        self.subscribe(f"{prefix}/#", read=False)

    def look(self):
        for topic, payload in self.messages():
            if topic.endswith("/config"):
                if not payload:
                    self.entities = {component: config for component, config in self.entities.items() if config["_topic"] != topic}
                    continue
                config = json.loads(payload)
                config["_topic"] = topic
                self.entities[topic.split("/")[1]] = config
                for wanted in [config.get("state_topic"), *(each["topic"] for each in config["availability"])]:
                    if wanted and wanted not in self.states:
                        self.states[wanted] = None
                        self.subscribe(wanted, read=False)
            elif topic in self.states:
                self.states[topic] = payload.decode()
        return self

    def available(self, component):
        return all(self.states[each["topic"]] == "online" for each in self.entities[component]["availability"])

    def command(self, component, payload):
        config = self.entities[component]
        self.publish(config["command_topic"], payload, retain=config.get("retain", False))


def entities_appear_show_and_command():
    with Router("--home-assistant") as router, Peer(router.port) as desk:
        desk.send(DESK)
        with HomeAssistant(router.port) as home:
            eventually(lambda: {"number", "switch", "binary_sensor", "sensor", "button"} <= set(home.look().entities), "all entities appear")
            assert home.entities["number"]["min"] == 0 and home.entities["number"]["max"] == 100 and home.entities["number"]["unit_of_measurement"] == "%"
            eventually(lambda: home.look().available("number"), "they are available")
            router.clasp("set", "/desk/dim", "40")
            router.clasp("set", "/desk/on", "true")
            eventually(lambda: home.look().states["desk/dim"] == "40" and home.states["desk/on"] == home.entities["switch"]["payload_on"], "their state is shown")
            home.command("number", "55.5")
            home.command("switch", home.entities["switch"]["payload_off"])
            eventually(lambda: router.clasp("get", "/desk/dim", check=False) == "55.5", "a number is commanded")
            eventually(lambda: router.clasp("get", "/desk/on", check=False) == "false", "a switch is commanded")
            watching = subprocess.Popen([router.binary, "watch", "/desk/go", "--count", "1", "--server", router.url], stdout=subprocess.PIPE, text=True)
            eventually(lambda: (home.command("button", home.entities["button"]["payload_press"]), watching.poll() is not None)[1], "a button is pressed")
            assert "/desk/go = true [event" in watching.stdout.read()
            watching.stdout.close()


def availability_survives_restarts_of_the_device_and_of_home_assistant():
    with Router("--home-assistant") as router:
        with Peer(router.port) as desk, HomeAssistant(router.port) as home:
            desk.send(DESK)
            eventually(lambda: "number" in home.look().entities and home.look().available("number"), "the entity is available")
            desk.close()
            eventually(lambda: not home.look().available("number"), "the device is gone")
        with HomeAssistant(router.port) as home:
            eventually(lambda: "number" in home.look().entities and home.states["clasp/status/device/desk"] == "offline", "after a restart it knows all of it")
            assert home.states["clasp/status/router"] == "online"
            with Peer(router.port) as desk:
                desk.send(DESK)
                eventually(lambda: home.look().available("number"), "the device is back")


def after_a_restart_of_the_router_it_is_found_again():
    with Router("--home-assistant") as router, Peer(router.port) as desk:
        desk.send(DESK)
        with HomeAssistant(router.port) as home:
            eventually(lambda: "number" in home.look().entities, "the entity appears")
            before = home.entities["number"]["unique_id"]
    with Router("--home-assistant") as router, HomeAssistant(router.port) as home, Peer(router.port) as desk:
        desk.send(DESK)
        eventually(lambda: "number" in home.look().entities and home.look().available("number"), "the entity is there again")
        assert home.entities["number"]["unique_id"] == before, "the same one"


def without_the_option_nothing_appears():
    with Router() as router, Peer(router.port) as desk, HomeAssistant(router.port) as home:
        desk.send(DESK)
        desk.answer(announce("/desk"), what="what was announced is there")
        assert home.look().entities == {}


run(entities_appear_show_and_command, availability_survives_restarts_of_the_device_and_of_home_assistant, after_a_restart_of_the_router_it_is_found_again,
    without_the_option_nothing_appears)
