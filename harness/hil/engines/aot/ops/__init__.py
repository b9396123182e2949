"""Lowerings, one module an op family. Importing this package registers all of them.

A new family is one new file here (and its C below ``firmware_stubs/engines/aot``).
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
