"""The revision of the repository that a model is in, so that a history can name what changed.

The folder of the model file decides. Where it is in no git repository (or git is not installed),
the commit is the one that a CI system says it checked out. No network is used.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from hil import children

LABEL = "HIL_LABEL"
CI_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT")
"""Variables of GitHub Actions, GitLab CI and Jenkins with the commit that is checked out."""
_TIMEOUT_S = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")  # SHA-1 or SHA-256


def source_revision(model_path: str) -> dict[str, Any]:
    """Return ``source_commit`` and ``label`` as provenance; what is unknown is left out.

    ``+`` is appended to the commit if a tracked file in the model's folder, or below it, differs
    from it. ``label`` is the user's own name of the revision (``--label``, ``HIL_LABEL``).
    """
    found = {
        "source_commit": _of_folder(Path(model_path).parent) if model_path else "",
        "label": os.environ.get(LABEL, ""),
    }
    found["source_commit"] = found["source_commit"] or _of_ci()
    return {name: text for name, text in found.items() if text}


def _of_folder(folder: Path) -> str:
    """Return the commit that ``folder`` is at, ``+`` appended if changed, or ``""``."""
    # Neither a lock nor a program that the repository's configuration names.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder)]
    command += ["status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", "."]
    try:
        result = children.run(command, timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if result.returncode != 0:
        return ""
    heads = [line for line in result.stdout.splitlines() if line.startswith("# ")]
    changed = any(not line.startswith("# ") for line in result.stdout.splitlines())
    commit = next((line.split()[2] for line in heads if line.startswith("# branch.oid ")), "")
    return commit + "+" * changed if _COMMIT.fullmatch(commit) else ""


def _of_ci() -> str:
    given = (os.environ.get(name, "").strip().lower() for name in CI_COMMITS)
    return next((commit for commit in given if _COMMIT.fullmatch(commit)), "")
