#!/usr/bin/python3
"""The fault lab: makes labelled captures of RDP connections that went well or wrong.

    lab.py list              the scenarios
    lab.py run NAME...       make these cases (--all for every one); --replace to overwrite
    lab.py relabel NAME...   write truth.toml anew from the captures and logs of a case
    lab.py damage            make the damaged captures out of the cases that exist
    lab.py index             write the table of fixtures/README.md
"""

import argparse
import fnmatch
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import damage  # noqa: E402
import index  # noqa: E402
import namespaces  # noqa: E402
import peers  # noqa: E402
import run as runs  # noqa: E402
import scenarios  # noqa: E402
import truth  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parents[1] / "fixtures" / "cases"
TRIES = 3           # timing on a busy machine can spoil a run; truth.py notices


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("index")
    spoil = commands.add_parser("damage")
    spoil.add_argument("--replace", action="store_true", help="overwrite cases that exist")
    make = commands.add_parser("run")
    make.add_argument("names", nargs="*", help="names, or patterns such as 'healthy-*'")
    make.add_argument("--all", action="store_true")
    make.add_argument("--replace", action="store_true", help="overwrite cases that exist")
    make.add_argument("--keep", action="store_true", help="keep the working folder and say where")
    make.add_argument("--into", type=pathlib.Path, default=CASES)
    again = commands.add_parser("relabel")
    again.add_argument("names", nargs="*")
    again.add_argument("--all", action="store_true")
    options = parser.parse_args()
    if options.command == "relabel":
        return relabel(options)
    if options.command == "list":
        for made in scenarios.every().values():
            print(f"{made.kind:8} {made.name:40} {made.title}")
        return 0
    if options.command == "index":
        index.write(CASES)
        return 0
    if options.command == "damage":
        for name in damage.make(CASES, options.replace):
            print(f"  {name}")
        return 0
    return make_cases(options)


def relabel(options):
    """For when the statement of a scenario has changed and its packets have not."""
    failed = 0
    for made in _chosen(options):
        folder = CASES / made.name
        if not folder.exists():
            continue
        try:
            truth.write(folder, made, runs.Record(folder))
        except truth.Disagreement as problem:
            failed += 1
            print(f"  {made.name}: {problem}")
    return 1 if failed else 0


def make_cases(options):
    subprocess.run([str(HERE / "setup.sh")], check=True)
    chosen = _chosen(options)
    rows = []
    try:
        for made in chosen:
            target = options.into / made.name
            if target.exists() and not options.replace:
                rows.append((made.name, "-", "exists; --replace to make it anew"))
                continue
            rows.append(_make(made, target, options.keep))
            print(f"  {rows[-1][0]:40} {rows[-1][2]}", flush=True)
    finally:
        peers.close_screens()
        namespaces.destroy()
    width = max((len(row[0]) for row in rows), default=0)
    print(f"\n{'scenario':{width}}  {'wanted':14} got")
    for name, wanted, got in rows:
        print(f"{name:{width}}  {wanted:14} {got}")
    return 1 if any(got.startswith("FAILED") for _, _, got in rows) else 0


def _chosen(options):
    known = scenarios.every()
    if options.all:
        return list(known.values())
    chosen = [made for name, made in known.items()
              if any(fnmatch.fnmatch(name, pattern) for pattern in options.names)]
    if not chosen:
        sys.exit("no such scenario; see `lab.py list`")
    return chosen


def _make(made, target, keep):
    wanted = made.stage or "-"
    for _ in range(TRIES):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"rdplab-{made.name}-"))
        try:
            started = time.time()
            reached = _run_once(made, folder)
            _publish(folder, target, made.limit)
            return (made.name, wanted, f"{'/'.join(reached['client'][-1:]) or '-'} "
                    f"(server {'/'.join(reached['server'][-1:]) or '-'}) "
                    f"{time.time() - started:.1f} s")
        except (truth.Disagreement, TimeoutError) as problem:
            reason = str(problem)
        except Exception:
            reason = traceback.format_exc()
            keep = True
        finally:
            if keep:
                print(f"  kept {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    return made.name, wanted, f"FAILED: {reason}"


def _run_once(made, folder):
    run = runs.Run(folder, made)
    try:
        made.run(run)
    finally:
        run.close()
    run.save(folder / "bridge.jsonl")
    return truth.write(folder, made, runs.Record(folder))


def _publish(folder, target, limit):
    """Move what belongs to a case into its place; logs and homes stay behind."""
    for capture in ("client.pcap", "server.pcap"):
        size = (folder / capture).stat().st_size
        if size > limit:
            raise truth.Disagreement(f"{capture} has {size} bytes, more than {limit}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("client.pcap", "server.pcap", "keys.txt", "truth.toml", "bridge.jsonl"):
        source = folder / name
        if source.exists() and source.stat().st_size:
            shutil.copy(source, target / name)


if __name__ == "__main__":
    sys.exit(main())
