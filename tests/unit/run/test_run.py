"""The command line of the local run, and the text that it prints for people."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.commands.run.__main__ import parser
from scripts.commands.run.emulator import Aws
from scripts.commands.run.report import Failure
from scripts.commands.run.run import how_to_use, no_lookup_worked
from scripts.commands.run.system import System

OUTPUTS = {
    "ApiUrl": "http://127.0.0.1:65535/_aws/execute-api/abcd1234/$default",
    "DomainSchedulerFunctionName": "scrapersky-local-domain-scheduler",
    "DomainSchedulerQueueUrl": "",
    "DomainSchedulerDeadLetterQueueUrl": "",
}
SYSTEM = System(
    "postgresql+pg8000://scrapersky:twelve_chars@127.0.0.1:65535/scrapersky", Aws(65535, Path("/tmp/log")), OUTPUTS
)


def test_every_line_to_paste_fits_80_columns() -> None:
    lines = how_to_use(SYSTEM, hide_password=False).splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_the_lines_to_paste_choose_the_stage_and_connect_psql() -> None:
    lines = how_to_use(SYSTEM, hide_password=False).splitlines()
    assert "export SCRAPERSKY_STAGE=local" in lines
    assert "export API_URL='http://127.0.0.1:65535/_aws/execute-api/abcd1234/$default'" in lines
    assert "psql postgresql://scrapersky:twelve_chars@127.0.0.1:65535/scrapersky" in lines


def test_the_password_of_a_server_named_by_the_user_is_not_printed() -> None:
    assert "twelve_chars" not in how_to_use(SYSTEM, hide_password=True)


@pytest.mark.parametrize("option", ["--timeout", "--tick-seconds"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_no_positive_number_is_rejected(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([f"{option}={value}"])
    assert ended.value.code == 2
    assert f"argument {option}: {value!r} is not valid: write a number of seconds" in capsys.readouterr().err


def test_the_help_describes_the_format_of_sites_and_the_exit_statuses() -> None:
    text = parser().format_help()
    assert '{"domain": "shop.example", "dir": "shop"}' in text
    assert "Exit status: 0 every record ended" in text


def test_the_help_imports_nothing_of_the_system() -> None:
    code = (
        "import scripts.commands.run.__main__, sys; "
        "print(sorted({'aws_cdk', 'boto3', 'rich', 'sqlalchemy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_system_runs_without_the_cdk_in_its_process() -> None:
    code = "import scripts.commands.run.run, sys; print('aws_cdk' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_machine_is_suspected_to_be_offline_only_when_every_lookup_failed() -> None:
    dns, other = (Failure("metadata", 1, "a.example", code, "reason") for code in ("dns", "http_403"))
    assert no_lookup_worked([dns, dns], 2)
    assert not no_lookup_worked([dns], 2)
    assert not no_lookup_worked([dns, other], 2)


def test_ctrl_c_while_python_starts_waits_until_it_is_handled() -> None:
    def press_early() -> None:  # scripts/run blocks the signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        os.kill(os.getpid(), signal.SIGINT)

    ran = subprocess.run(
        [sys.executable, "-P", "-m", "scripts.commands.run", "--keep"],
        preexec_fn=press_early,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (128 + signal.SIGINT, "\nStopped; nothing was started.\n")
