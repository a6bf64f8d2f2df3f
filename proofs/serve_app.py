"""Serves another app than the program's own with the program's server: `python -m proofs.serve_app APP --port N`."""

import argparse

from settings import load_settings_or_exit
from tasks.serve import run_server


def main() -> None:
    """Serve the app until a signal arrives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("app", help="the function that creates it, as module:function")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    run_server(load_settings_or_exit(), host="127.0.0.1", port=arguments.port, workers=1, app=arguments.app)


if __name__ == "__main__":
    main()
