"""The program: parses the command line of relay/README.md and runs one verb. Started as `python3 relay/python/main.py VERB …`."""

from __future__ import annotations

import json
import sys

from options import build_parser, check, defaults
from stop import catch_stop_signals


def main() -> int:
    parser = build_parser()
    options = parser.parse_args()
    if options.defaults:
        print(json.dumps(defaults()))
        return 0
    if options.verb is None:
        parser.error("a verb is needed: relay, write, read, serve or call")
    check(parser, options)
    catch_stop_signals()
    if options.verb == "relay":
        from relay_verb import Relay

        return Relay(options).run()
    if options.verb == "serve":
        from serve_verb import Serve

        return Serve(options).run()
    if options.verb == "call":
        from call_verb import Call

        return Call(options).run()
    if options.verb == "write":
        from write_verb import Write

        return Write(options).run()
    from read_verb import Read

    return Read(options).run()


if __name__ == "__main__":
    sys.exit(main())
