#!/usr/bin/env python3
"""Follows Beltsight devices on MQTT: prints results and states, saves the heatmaps of rejects.

Needs paho-mqtt 1.6 or 2 and nothing else. Messages: docs/messages.md.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Optional, TypeVar

import paho.mqtt.client as mqtt

REMEMBERED = 10_000
"""Results with an id among so many last ones are duplicates: QoS 1 delivers at least once."""
WAITING_HEATMAPS = 64
"""Heatmaps kept until their result comes (a device sends them first), or results until their heatmap does."""

V = TypeVar("V")


@dataclass(frozen=True)
class Address:
    """Where a message is from: beltsight/1/<site>/<line>/<device>/..."""

    site: str
    line: str
    device: str

    def __str__(self) -> str:
        return f"{self.site}/{self.line}/{self.device}"


@dataclass(frozen=True)
class Result:
    """One inspected frame. Fields that are not used here are left out; new ones may be added by devices."""

    id: str
    camera: str
    captured_at: datetime
    verdict: str
    """pass, reject, or unknown: no class of the model resembles the product"""
    score: float
    threshold: Optional[float]
    p_value: Optional[float]
    product: Optional[str]
    latency_ms: float

    @staticmethod
    def parse(payload: bytes) -> Result:
        """Raises ValueError for what is no result of version 1."""
        message = parse(payload, "beltsight.result/1")
        try:
            return Result(
                id=text(message["id"]),
                camera=text(message["camera"]),
                captured_at=time(message["frame"]["capturedAt"]),
                verdict=text(message["verdict"]),
                score=float(message["score"]),
                threshold=optional(float, message["threshold"]),
                p_value=optional(float, message["pValue"]),
                product=optional(text, message["class"]["name"]),
                latency_ms=float(message["latencyMs"]),
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"a field of the result is missing or of another type: {error}") from error


@dataclass(frozen=True)
class Status:
    """State of a device and of its cameras; camera errors say what to do."""

    state: str
    errors: tuple[str, ...]

    @staticmethod
    def parse(payload: bytes) -> Status:
        """Raises ValueError for what is no status of version 1."""
        message = parse(payload, "beltsight.status/1")
        try:
            cameras = message.get("cameras", [])
            errors = (f"{camera['name']}: {camera['error']}" for camera in cameras if camera.get("error"))
            return Status(state=text(message["state"]), errors=tuple(errors))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a field of the status is missing or of another type: {error}") from error


def parse(payload: bytes, schema: str) -> dict[str, Any]:
    message = json.loads(payload)
    if not isinstance(message, dict) or message.get("schema") != schema:
        raise ValueError(f"no {schema}")
    return message


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def time(value: Any) -> datetime:
    # Python before 3.11 does not read the Z.
    return datetime.fromisoformat(text(value).replace("Z", "+00:00"))


def optional(kind: Any, value: Any) -> Any:
    return None if value is None else kind(value)


def heatmap_id(png: bytes) -> Optional[str]:
    """Id of the result that a heatmap belongs to: the PNG's text chunk `beltsight.id`."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    at = 8
    while at + 8 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"tEXt":
            key, _, value = png[at + 8 : at + 8 + length].partition(b"\0")
            if key == b"beltsight.id":
                return value.decode("latin-1")
        at += 12 + length
    return None


class Recent(Generic[V]):
    """The newest entries of a mapping, a bounded number of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, V] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def put(self, key: str, value: V) -> None:
        self._entries[key] = value
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def take(self, key: str) -> Optional[V]:
        return self._entries.pop(key, None)


class Rejects:
    """Saves the heatmaps of rejects as <folder>/<camera>/<time>-<id>.png, whether heatmap or result comes first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._heatmaps: Recent[bytes] = Recent(WAITING_HEATMAPS)
        self._results: Recent[Result] = Recent(WAITING_HEATMAPS)

    def heatmap(self, png: bytes) -> None:
        id = heatmap_id(png)
        if id is None:
            raise ValueError("the heatmap is no PNG with an id")
        result = self._results.take(id)
        if result:
            self._save(result, png)
        else:
            self._heatmaps.put(id, png)

    def result(self, result: Result) -> None:
        png = self._heatmaps.take(result.id)
        if result.verdict == "pass":
            return
        if png:
            self._save(result, png)
        else:
            self._results.put(result.id, result)

    def _save(self, result: Result, png: bytes) -> None:
        # Both names come from the network: nothing in them may lead out of the folder.
        camera, id = (safe(name) for name in (result.camera, result.id))
        folder = self._folder / camera
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{result.captured_at:%Y%m%dT%H%M%S}-{id}.png").write_bytes(png)


def safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:64]


class Subscriber:
    """Hears devices; paho connects anew by itself, and subscriptions are made at every connection."""

    def __init__(self, root: str, rejects: Rejects) -> None:
        self._root = root
        self._rejects = rejects
        self._seen: Recent[None] = Recent(REMEMBERED)

    def connected(self, client: mqtt.Client, _userdata: Any, _flags: Any, code: Any, *_: Any) -> None:
        # paho 1 gives a number, paho 2 a ReasonCode: both are equal to 0 when all is well.
        if code != 0:
            print(f"the broker refuses the connection ({code}): check user and password", file=sys.stderr)
            return
        topics = ["status", "camera/+/result", "camera/+/heatmap"]
        client.subscribe([(f"{self._root}/{topic}", 1) for topic in topics])
        print("connected", flush=True)

    def message(self, _client: mqtt.Client, _userdata: Any, message: Any) -> None:
        try:
            self._receive(message.topic.split("/"), message.payload)
        except (ValueError, RecursionError, OSError) as error:
            # A strange message, or a full disk: the next message is welcome all the same.
            print(f"{message.topic}: {error}", file=sys.stderr, flush=True)

    def _receive(self, levels: list[str], payload: bytes) -> None:
        address, kind = Address(*levels[2:5]), levels[-1]
        if kind == "status":
            status = Status.parse(payload)
            print(" ".join([str(address), status.state, *status.errors]), flush=True)
        elif kind == "heatmap":
            self._rejects.heatmap(payload)
        elif kind == "result":
            result = Result.parse(payload)
            if result.id not in self._seen:
                self._seen.put(result.id, None)
                self._rejects.result(result)
                on_result(address, result)


def on_result(address: Address, result: Result) -> None:
    """Each result comes here once: put your own code here."""
    print(f"{address} {result.camera} {result.verdict} {result.product} {result.score:.3f} {result.id}", flush=True)


def make_client(client_id: str) -> mqtt.Client:
    """A client of either paho. With an id the broker keeps results while this program is away."""
    options = {"client_id": client_id, "clean_session": client_id == ""}
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, **options)
    return mqtt.Client(**options)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--host", default="localhost")
    options.add_argument("--port", type=int, default=1883)
    options.add_argument("--user")
    options.add_argument("--password-file", type=Path, help="its first line is the password")
    options.add_argument("--ca", help="PEM of the authority to trust; switches TLS on")
    options.add_argument("--client-id", default="", help="the broker keeps results under this name while we are away")
    options.add_argument("--site", default="+")
    options.add_argument("--line", default="+")
    options.add_argument("--device", default="+")
    options.add_argument("--out", type=Path, default=Path("rejects"), help="folder for heatmaps (rejects)")
    args = options.parse_args()

    client = make_client(args.client_id)
    subscriber = Subscriber(f"beltsight/1/{args.site}/{args.line}/{args.device}", Rejects(args.out))
    client.on_connect = subscriber.connected
    client.on_message = subscriber.message
    if args.user:
        client.username_pw_set(args.user, args.password_file and args.password_file.read_text().splitlines()[0])
    if args.ca:
        client.tls_set(ca_certs=args.ca)
    client.reconnect_delay_set(min_delay=1, max_delay=30)
    client.connect_async(args.host, args.port)
    try:
        client.loop_forever(retry_first_connection=True)
    except KeyboardInterrupt:
        client.disconnect()


if __name__ == "__main__":
    main()
