"""What a freshly installed Znuny 6.5 knows by name: queues, states, priorities, types of history.

Constants only, read from the database of a real one; the IDs are its own. HelpDesk and Management, the service,
the caller's number and topics are not stock: the lab has them too, and nobody but the administrator may write to
Management. Nor is the operator, an agent who takes tickets. ArticleTypes are those of OTRS 3.1 and 4.
"""

from __future__ import annotations

QUEUES = {1: "Postmaster", 2: "Raw", 3: "Junk", 4: "Misc", 5: "HelpDesk", 6: "Management"}
CLOSED_QUEUES = frozenset({"Management"})
ADMIN = "root@localhost"
OPERATOR = "operator"

STATES = {
    1: "new",
    2: "closed successful",
    3: "closed unsuccessful",
    4: "open",
    5: "removed",
    6: "pending reminder",
    7: "pending auto close+",
    8: "pending auto close-",
    9: "merged",
}
STATE_TYPES = {
    "new": "new",
    "closed successful": "closed",
    "closed unsuccessful": "closed",
    "open": "open",
    "removed": "removed",
    "pending reminder": "pending reminder",
    "pending auto close+": "pending auto",
    "pending auto close-": "pending auto",
    "merged": "merged",
}
STATE_TYPE_IDS = {
    1: "new",
    2: "open",
    3: "closed",
    4: "pending reminder",
    5: "pending auto",
    6: "removed",
    7: "merged",
}

PRIORITIES = {1: "1 very low", 2: "2 low", 3: "3 normal", 4: "4 high", 5: "5 very high"}
LOCKS = {1: "unlock", 2: "lock", 3: "tmp_lock"}
SERVICES = {1: "Telephony"}
SLAS = {1: "Within the hour"}
"""Of that service."""
CHANNELS = {1: "Email", 2: "Phone", 3: "Internal"}
"""The channels that TicketCreate takes; Chat exists, and is refused."""
ARTICLE_TYPES = {
    1: "email-external",
    2: "email-internal",
    3: "email-notification-ext",
    4: "email-notification-int",
    5: "phone",
    6: "fax",
    7: "sms",
    8: "webrequest",
    9: "note-internal",
    10: "note-external",
    11: "note-report",
}
SENDERS = {1: "agent", 2: "system", 3: "customer"}
AUTO_RESPONSES = frozenset({"auto reply", "auto reject", "auto follow up", "auto reply/new ticket", "auto remove"})

DYNAMIC_FIELDS: dict[str, frozenset[str]] = {
    "CallTopics": frozenset({"billing", "outage", "other"}),
    "CallerNumber": frozenset(),
    "ProcessManagementActivityID": frozenset(),
    "ProcessManagementAttachment": frozenset(),
    "ProcessManagementProcessID": frozenset(),
    "TicketCalendarEndTime": frozenset(),
    "TicketCalendarStartTime": frozenset(),
}
"""With the possible values of a multiselect."""

_HISTORY_TYPES = (
    "NewTicket", "FollowUp", "SendAutoReject", "SendAutoReply", "SendAutoFollowUp", "Forward", "Bounce",
    "SendAnswer", "SendAgentNotification", "SendCustomerNotification", "EmailAgent", "EmailCustomer",
    "PhoneCallAgent", "PhoneCallCustomer", "AddNote", "Lock", "Unlock", "TimeAccounting", "Remove", "Move",
    "CustomerUpdate", "PriorityUpdate", "OwnerUpdate", "LoopProtection", "Misc", "SetPendingTime", "StateUpdate",
    "TicketDynamicFieldUpdate", "WebRequestCustomer", "TicketLinkAdd", "TicketLinkDelete", "SystemRequest", "Merged",
    "ResponsibleUpdate", "Subscribe", "Unsubscribe", "TypeUpdate", "ServiceUpdate", "SLAUpdate", "ArchiveFlagUpdate",
    "EscalationSolutionTimeStop", "EscalationResponseTimeStart", "EscalationUpdateTimeStart",
    "EscalationSolutionTimeStart", "EscalationResponseTimeNotifyBefore", "EscalationUpdateTimeNotifyBefore",
    "EscalationSolutionTimeNotifyBefore", "EscalationResponseTimeStop", "EscalationUpdateTimeStop", "TitleUpdate",
    "EmailResend", "Bulk",
)  # fmt: skip
HISTORY_TYPES = frozenset(name.lower() for name in _HISTORY_TYPES)
"""In small letters: OTRS does not mind their case."""
