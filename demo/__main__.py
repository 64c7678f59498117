"""`python -m demo`: load the describer, serve the pages, say where."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.describer import Describer
from core.weights import CheckpointError


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m demo", description="Serve the pages: which words belong to which regions."
    )
    options.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all (127.0.0.1)"
    )
    options.add_argument("--port", type=int, default=7860, help="0 for any free one (7860)")
    options.add_argument(
        "--name", action="append", default=[], help="a further host name to answer to; repeatable"
    )
    options.add_argument("--checkpoint", default="bundled", help="'bundled' or a folder (bundled)")
    options.add_argument(
        "--encoder-weights", type=Path, help="weights file for a torchvision region encoder"
    )
    return options


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is known before the models are loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # or a second server could bind beside us
    except (OSError, OverflowError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SystemExit(
            f"Cannot listen on {host}, port {port}: {reason}. Choose another with --port."
        ) from None
    return listening


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until interrupted; SystemExit with one sentence where that cannot begin."""
    chosen = parser().parse_args(arguments)
    with listen(chosen.host, chosen.port) as listening:
        try:
            describer = Describer.load(chosen.checkpoint, chosen.encoder_weights)
        except CheckpointError as error:
            raise SystemExit(f"Cannot load the checkpoint: {error}") from None
        with tempfile.TemporaryDirectory(prefix="alignments-uploads-") as uploads:
            _serve(describer, listening, chosen.host, chosen.name, Path(uploads))


def _serve(
    describer: Describer, listening: socket.socket, host: str, names: Sequence[str], uploads: Path
) -> None:
    import uvicorn  # these take seconds, and are not needed to refuse

    from demo.app import Settings, create

    server = uvicorn.Server(
        uvicorn.Config(
            create(describer, Settings(uploads, host, tuple(names))),
            log_level="warning",
            proxy_headers=False,  # who calls is told by the socket, not by a header
            server_header=False,
            timeout_graceful_shutdown=2,  # open pages hold a connection for ever
        )
    )
    shown = "localhost" if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    print(f"Open http://{shown}:{listening.getsockname()[1]}", flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    # Leave by an exception, so that the folder of uploads goes too; the default just dies.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell says of a command that Ctrl-C ended
