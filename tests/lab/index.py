"""Writes the table of cases into fixtures/README.md."""

import tomllib

_START, _END = "<!-- cases: written by `tests/lab/lab.py index` -->", "<!-- end of cases -->"


def write(cases):
    readme = cases.parent / "README.md"
    text = readme.read_text()
    before, after = text.split(_START)[0], text.split(_END)[1]
    readme.write_text(f"{before}{_START}\n\n{_table(cases)}\n{_END}{after}")


def _table(cases):
    known = [tomllib.loads(path.read_text()) for path in sorted(cases.glob("*/truth.toml"))]
    size = sum(path.stat().st_size for path in cases.rglob("*") if path.is_file())
    kinds = ", ".join(f"{sum(case['kind'] == kind for case in known)} {kind}"
                      for kind in ("healthy", "benign", "fault", "damage"))
    lines = [f"{len(known)} cases ({kinds}), {size / 1e6:.1f} MB.", "",
             "| case | kind | TLS | stage | verdict | what was done |",
             "| --- | --- | --- | --- | --- | --- |"]
    for case in known:
        lines.append(f"| `{case['name']}` | {case['kind']} | {case['tls']} | {_stages(case)} | "
                     f"{case['expect'].get('verdict') or '–'} | {case['title']} |")
    return "\n".join(lines) + "\n"


def _stages(case):
    """The stage of each connection as the client's capture shows it, repeats told once."""
    found = []
    for connection in case["connections"]:
        stage = connection.get("seen_from_client", {}).get("stage", "?")
        if stage not in found[-1:]:
            found.append(stage)
    return ", ".join(found)
