"""The configuration: any file is one that the program can be built from, or has mistakes in an administrator's words.

An input is the file's bytes. The secret is not in it but in the environment (`${SECRET}`) and in a file beside it
(`password_file: secret`), so no error may repeat it wherever the input puts it.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from agi_server.app import App
from agi_server.config import Config, ConfigError, load
from agi_server.templates import FormError

SECRET = "q7/Zk'geheim@"
ENVIRONMENT = {"SECRET": SECRET, "PORT": "4575", "EMPTY": "", "BROKEN": f"{SECRET}\nx"}


def check(data: bytes) -> None:
    """All that holds of these bytes."""
    if SECRET.encode() in data:
        return
    with TemporaryDirectory(prefix="agi-server-fuzz-") as name:
        folder = Path(name)
        (folder / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
        path = folder / "agi-server.yaml"
        path.write_bytes(data)
        try:
            config = load(path, ENVIRONMENT)
        except ConfigError as error:
            check_mistakes(path, str(error))
        else:
            check_config(config)


def check_mistakes(path: Path, said: str) -> None:
    """Each mistake is one line that begins with its place; none repeats the secret."""
    assert SECRET not in said
    for line in said.split("\n"):
        assert line.isprintable()
        assert len(line) < 2_000
        assert re.match(rf"{re.escape(str(path))}(:\d+)?: \S", line), line


def check_config(config: Config) -> None:
    """The program can be built from it, but for what `check_form` tells; nothing that is printed tells a secret."""
    for secret in (config.otrs.password, config.customers.password, config.web.token):
        assert secret is None or SECRET not in f"{secret} {secret!r}"
    url = config.customers.url
    assert url.password is None or f"{url} {url!r}" == f"{url.set(password='x')} {url.set(password='x')!r}"
    try:
        App(config)
    except FormError:
        pass
