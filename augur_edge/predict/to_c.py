"""A predictor as a C array, for firmware without files."""

from __future__ import annotations


def to_c(data: bytes, name: str = "augur_model") -> str:
    """C99 source that defines `name_data` (8-byte aligned, as augur_load wants it) and `name_size`."""
    words = [data[i : i + 8].ljust(8, b"\0") for i in range(0, len(data), 8)]
    numbers = [f"0x{int.from_bytes(word, 'little'):016x}u" for word in words]
    lines = ",\n  ".join(", ".join(numbers[i : i + 5]) for i in range(0, len(numbers), 5))
    return (
        f"/* An .augpred file of {len(data)} bytes, for augur_load({name}_data, {name}_size, ...). Little endian. */\n"
        "#include <stddef.h>\n#include <stdint.h>\n\n"
        f"extern const uint64_t {name}_data[];\nextern const size_t {name}_size;\n"
        f"const size_t {name}_size = {len(data)};\n"
        f"const uint64_t {name}_data[] = {{\n  {lines}\n}};\n"
    )
