"""Where the lab lives and what it answers to: folders, ports, logins, numbers.

Every other file of the lab, and every test that uses it, takes these values from here and repeats
none of them. All addresses are loopback. The state is the machine's, not the clone's, so a fresh
clone finds a lab that is installed already.
"""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE_DIALPLAN = REPOSITORY / "asterisk" / "extensions_custom.conf.sample"
WEB_SERVICE_FILE = REPOSITORY / "config" / "otrs" / "GenericTicketConnector.yml"
CALL_FIELD_SCRIPT = REPOSITORY / "config" / "otrs" / "add-call-field.pl"
CUSTOMERS_FILE = REPOSITORY / "agi_server" / "sandbox" / "customers.csv"

LAB_DIR = Path(os.environ.get("LAB_DIR", "/var/lib/agi-server-lab"))
LOG_DIR = LAB_DIR / "log"
RUN_DIR = LAB_DIR / "run"
READY_FILE = LAB_DIR / "READY"
ACCOUNT = "agi-server-lab"
"""The system account that MariaDB, PostgreSQL, Apache and Znuny run as."""

HOST = "127.0.0.1"

MARIADB_PORT = 13306
MARIADB_SOCKET = RUN_DIR / "mariadb.sock"
MARIADB_ROOT_PASSWORD = "lab-root"
DATABASE = "otrs"
DATABASE_USER = "otrs"
DATABASE_PASSWORD = "lab-otrs"
CUSTOMERS_USER = "asterisk"
CUSTOMERS_PASSWORD = "lab-asterisk"
CUSTOMERS_URL = f"mysql+aiomysql://{CUSTOMERS_USER}@{HOST}:{MARIADB_PORT}/{DATABASE}"
"""customer_user as agi-server reads it; the password is CUSTOMERS_PASSWORD."""

POSTGRESQL_PORT = 15432
"""The same database, user and logins as on MariaDB."""

APACHE_PORT = 18080
ZNUNY_URL = f"http://{HOST}:{APACHE_PORT}/otrs"
WEB_SERVICE = "GenericTicketConnectorSOAP"
WEB_SERVICE_URL = f"{ZNUNY_URL}/nph-genericinterface.pl/Webservice/{WEB_SERVICE}"
NAMESPACE = "http://www.otrs.org/TicketConnector/"
AGENT = "agi-server"
AGENT_PASSWORD = "lab-agent"
RPC_URL = f"{ZNUNY_URL}/rpc.pl"
RPC_USER = "agi-server-rpc"
RPC_PASSWORD = "lab-rpc"
"""SOAP::User and SOAP::Password."""
ADMIN = "root@localhost"
ADMIN_PASSWORD = "lab-admin"
CALL_FIELD = "AsteriskUniqueID"
QUEUE = "HelpDesk"
CLOSED_QUEUE = "Management"
"""A queue in which the agent may not create tickets (AccessDenied)."""
SERVICE = "Telephony"
SLA = "Within the hour"
"""Of that service; every customer may have both."""
DYNAMIC_FIELDS: dict[str, list[str]] = {"CallerNumber": [], "CallTopics": ["billing", "outage", "other"]}
"""Besides the call field: texts, and a multiselect with its values."""

ASTERISK_SUITE = os.environ.get("LAB_ASTERISK_SUITE", "sid")
SIP_PORT = 5060
RTP_PORTS = (17000, 17999)
AMI_PORT = 15038
AMI_USER = "agi-server"
AMI_PASSWORD = "lab-ami"
AGI_PORT = 14573
"""Where the lab's dialplan looks for agi-server: tests start it on this port."""

HELPDESK_NUMBER = "4509"
TRUNK_ADDRESS = "127.0.0.5"
"""Where callers call from."""
OPERATORS = {"4507": "127.0.0.7", "4508": "127.0.0.8"}
"""Operators' phones and the address (port 5060) that each listens on."""
