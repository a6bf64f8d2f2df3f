"""`make examples`: sends the requests and writes the results to `api/examples`."""

import asyncio
import json
import sys

from proofs.ground import ROOT
from tests.examples.company import running_company
from tests.examples.record import Recorder, by_area

FOLDER = ROOT / "api" / "examples"


async def main() -> int:
    """Record everything; the exit status is 1 when a request was refused."""
    async with running_company() as company:
        recorder = Recorder(company)
        await recorder.record_all()
    FOLDER.mkdir(exist_ok=True)
    for area, examples in by_area(company.document, recorder.examples):
        text = json.dumps(examples, indent=1, ensure_ascii=False)
        (FOLDER / f"{area}.json").write_text(text + "\n")
    for failure in recorder.failures:
        sys.stderr.write(failure + "\n")
    missing = sorted(recorder.operations.keys() - recorder.examples.keys())
    sys.stdout.write(f"{len(recorder.examples)} examples; none for: {', '.join(missing) or 'nothing'}\n")
    return 1 if recorder.failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
