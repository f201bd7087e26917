"""What the lab's Asterisk is told: every configuration file, as text.

One trunk, whose callers choose a context; operators' phones on loopback addresses of their own; a
manager's login; a log with verbose 3 of which asterisk.py reads the lines of a call. Timers are short, so
that an absent phone costs a test six seconds and not thirty-two.
"""

from __future__ import annotations

from . import dialplan, facts

CONFIG_DIR = "/etc/asterisk-lab"
LOG_FILE = "/var/log/asterisk/lab"

MODULES = """
res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_timing_timerfd res_crypto
res_http_websocket res_stasis res_speech res_rtp_asterisk res_pjsip res_pjsip_pubsub res_pjsip_session
res_pjsip_outbound_authenticator_digest
res_pjsip_authenticator_digest res_pjsip_endpoint_identifier_ip res_pjsip_caller_id res_pjsip_sdp_rtp
res_pjsip_header_funcs res_pjsip_rfc3326 res_pjsip_dtmf_info res_pjsip_diversion res_pjsip_logger res_pjsip_nat
res_pjsip_registrar chan_pjsip pbx_config app_dial app_verbose app_exec app_stack app_queue app_userevent app_playback
func_callerid func_channel func_strings func_logic func_cdr func_uri func_env func_timeout func_pjsip_contact
func_pjsip_endpoint bridge_simple bridge_native_rtp bridge_softmix bridge_holding codec_ulaw codec_alaw format_pcm
res_agi res_musiconhold cdr_manager app_originate
"""

ASTERISK = f"""\
[directories]
astetcdir => {CONFIG_DIR}
astmoddir => {{modules_dir}}
astrundir => /run/asterisk
astlogdir => /var/log/asterisk
astvarlibdir => /var/lib/asterisk
astdbdir => /var/lib/asterisk
astkeydir => /var/lib/asterisk
astdatadir => /usr/share/asterisk
astspooldir => /var/spool/asterisk
astagidir => /usr/share/asterisk/agi-bin
[options]
verbose = 3
defaultlanguage = en
"""

LOGGER = f"""\
[general]
dateformat = %F %T.%3q
[logfiles]
{LOG_FILE.rpartition("/")[2]} => notice,warning,error,verbose(3)
"""

MANAGER = f"""\
[general]
enabled = yes
bindaddr = {facts.HOST}
port = {facts.AMI_PORT}
timestampevents = yes
[{facts.AMI_USER}]
secret = {facts.AMI_PASSWORD}
read = call,cdr,agent
write = call,reporting
"""

EMPTY = ("acl", "cel", "features", "indications", "musiconhold", "pjproject", "queues", "udptl")
"""Files that Asterisk misses with an error in its log if they are not there."""

PJSIP = f"""\
[global]
type = global
user_agent = agi-server-lab
[system]
type = system
timer_t1 = 100
timer_b = 6400
[loopback]
type = transport
protocol = udp
bind = {facts.HOST}:{facts.SIP_PORT}

[trunk]
type = endpoint
context = lab
disallow = all
allow = ulaw,alaw
direct_media = no
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
trust_id_inbound = yes
aors = trunk
[trunk]
type = aor
[trunk]
type = identify
endpoint = trunk
match = {facts.TRUNK_ADDRESS}
"""

PHONE = """
[{name}]
type = endpoint
context = from-internal-custom
disallow = all
allow = ulaw,alaw
direct_media = no
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
send_pai = yes
aors = {name}
[{name}]
type = aor
contact = sip:{name}@{address}:{port}
[{name}]
type = identify
endpoint = {name}
match = {address}
"""


def files(modules_dir: str) -> dict[str, str]:
    """Name and text of each file in CONFIG_DIR."""
    phones = "".join(
        PHONE.format(name=name, address=address, port=facts.SIP_PORT) for name, address in facts.OPERATORS.items()
    )
    return {
        **{f"{name}.conf": "" for name in EMPTY},
        "asterisk.conf": ASTERISK.format(modules_dir=modules_dir),
        "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES.split()),
        "logger.conf": LOGGER,
        "manager.conf": MANAGER,
        "pjsip.conf": PJSIP + phones,
        "rtp.conf": f"[general]\nrtpstart = {facts.RTP_PORTS[0]}\nrtpend = {facts.RTP_PORTS[1]}\nicesupport = no\n",
        "cdr.conf": "[general]\nenable = yes\n",
        "cdr_manager.conf": "[general]\nenabled = yes\n",
        "extensions.conf": dialplan.compose(facts.SAMPLE_DIALPLAN.read_text(encoding="utf-8")),
    }
