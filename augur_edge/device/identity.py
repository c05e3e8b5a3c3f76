"""Who am I: model, processor, cores and their clusters, memory, system, and a name that stays the same."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from augur_edge.device import android, cpu
from augur_edge.device.cpu import Cluster
from augur_edge.device.reading import Reader

_VIRTUAL_MODELS = re.compile(r"qemu|kvm|virtualbox|vmware|virtual machine|dummy-virt|firecracker|bochs", re.IGNORECASE)


@dataclass(frozen=True)
class Device:
    """A board or machine. What could not be told is None, and `unavailable` has the reason.

    id: stable over reboots, and what runs are stored under. compatible: the device tree's names, most specific first.
    cores: physical ones; processors that share a core share its units, so a run on both slows down. codename: of a
    phone (`ro.product.device`). soc: the chip's names. usb: `vendor:product`, in hex, of what is plugged in.
    """

    id: str
    model: str | None
    compatible: tuple[str, ...]
    arch: str
    cpu: str | None
    clusters: tuple[Cluster, ...]
    cores: int | None
    memory_bytes: int | None
    os: str
    kernel: str
    virtual: bool
    codename: str | None = None
    soc: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    unavailable: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and the store."""
        return asdict(self)


def identify(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> Device:
    """Describe the device whose files lie below `root`. Never fails: what is missing is listed in `unavailable`.

    `AUGUR_EDGE_DEVICE` names the device; otherwise its id ends in a hash of the system's machine-id (never the
    machine-id itself) or of the board's serial number.
    """
    reader = Reader(root)
    phone = android.properties(root)
    model = _model(reader, phone)
    arch = reader.text("proc/sys/kernel/arch") or platform.machine()
    processors = cpu.processors(reader)
    name = cpu.name(processors)
    given = (os.environ if environ is None else environ).get("AUGUR_EDGE_DEVICE")
    return Device(
        id=given or _stable_id(reader, model, arch, name),
        model=model,
        compatible=tuple((reader.text("proc/device-tree/compatible") or "").split()),
        arch=arch,
        cpu=name,
        clusters=cpu.clusters(reader, processors),
        cores=cpu.physical_cores(reader),
        memory_bytes=_memory_bytes(reader),
        os=_os(reader, phone),
        kernel=reader.text("proc/sys/kernel/osrelease") or platform.release(),
        virtual=_virtual(model, processors),
        codename=phone.get("ro.product.device"),
        soc=_soc(reader, phone),
        usb=_usb(reader),
        unavailable=reader.missing,
    )


def _model(reader: Reader, phone: Mapping[str, str]) -> str | None:
    if phone.get("ro.product.model"):
        return f"{phone.get('ro.product.manufacturer', '')} {phone['ro.product.model']}".strip()
    tree = reader.text("proc/device-tree/model") or reader.text("sys/firmware/devicetree/base/model")
    if tree:
        return tree
    for kind in ("product", "board"):
        maker = reader.text(f"sys/class/dmi/id/{'sys' if kind == 'product' else kind}_vendor") or ""
        name = reader.text(f"sys/class/dmi/id/{kind}_name") or ""
        if name and not re.search(r"filled by|default string|system product", name, re.IGNORECASE):
            return f"{maker} {name}".strip()
    reader.missing["model"] = "neither a device tree nor DMI names the board"
    return None


def _soc(reader: Reader, phone: Mapping[str, str]) -> tuple[str, ...]:
    told = (phone.get("ro.soc.model"), phone.get("ro.board.platform"), reader.text("sys/devices/soc0/soc_id"))
    return tuple(filter(None, told))


def _usb(reader: Reader) -> tuple[str, ...]:
    vendors = reader.paths("sys/bus/usb/devices/*/idVendor")
    pairs = ((reader.text(p), reader.text(p.replace("idVendor", "idProduct"))) for p in vendors)
    return tuple(f"{vendor}:{product}" for vendor, product in pairs if vendor and product)


def _stable_id(reader: Reader, model: str | None, arch: str, name: str | None) -> str:
    origin = reader.text("etc/machine-id") or reader.text("var/lib/dbus/machine-id")
    origin = origin or reader.text("proc/device-tree/serial-number")
    if not origin or origin == "uninitialized":
        reader.missing["machine_id"] = (
            "no machine-id: another device of this model has the same id; name it with AUGUR_EDGE_DEVICE"
        )
        origin = f"{model}|{name}"
    # systemd asks that the machine-id be hashed with a key of the application's own before it is shown
    digest = hashlib.sha256(b"augur-edge device\0" + origin.encode()).hexdigest()[:8]
    return f"{_slug(model or arch)}-{digest}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].rstrip("-")


def _memory_bytes(reader: Reader) -> int | None:
    text = reader.text("proc/meminfo", "memory")
    found = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE) if text else None
    return int(found.group(1)) * 1024 if found else None


def _os(reader: Reader, phone: Mapping[str, str]) -> str:
    if phone.get("ro.build.version.release"):
        return f"Android {phone['ro.build.version.release']}"
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', reader.text("etc/os-release") or "", re.MULTILINE)
    name = found.group(1) if found else platform.system()
    # "# R36 (release), REVISION: 4.3, …": on Jetson it decides which runtimes there are
    l4t = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", reader.text("etc/nv_tegra_release") or "")
    return f"{name}, L4T {l4t.group(1)}.{l4t.group(2)}" if l4t else name


def _virtual(model: str | None, processors: list[dict[str, str]]) -> bool:
    flags = processors[0].get("flags", "") if processors else ""
    return "hypervisor" in flags.split() or bool(model and _VIRTUAL_MODELS.search(model))
