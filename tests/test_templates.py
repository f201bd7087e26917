"""Templates, read and filled in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agi_server.call import Call, Customer
from agi_server.templates import TEXT_LIMIT, FormError, Sandbox, Templates, fill_in

FACTS = (Call("1314075508.1094", datetime(2011, 8, 23, tzinfo=UTC)), Customer("ivanov"))


def filled(text: str, **names: object) -> str:
    templates = Templates({"twice": lambda text: text * 2})
    return fill_in(templates.read("ticket.title", text), "ticket.title", names)


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("no names { } %", "x", "no names { } %"),
        ("{{ a }}", "x", "x"),
        ("{{ a }}\n", "<&>", "<&>\n"),
        ("{{ a }}", "{{ 7 * 7 }}", "{{ 7 * 7 }}"),
        ("{{ a }}", None, ""),
        ("{{ twice(a) }}", "ab", "abab"),
        ("{# a #}", "x", ""),
        ("{{ a }}", "x" * TEXT_LIMIT, "x" * TEXT_LIMIT),
    ],
)
def test_names_and_functions(text: str, value: object, result: str) -> None:
    assert filled(text, a=value) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ b }}", "'b' is undefined"),
        ("{{ a", "not a template: unexpected end of template"),
        ("{% for %}", "not a template: "),
        ("{{ a.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ twice.__globals__ }}", "unsafe"),
        ("{{ a.missing }}", "has no attribute 'missing'"),
        ("{{ twice() }}", "missing 1 required positional argument"),
        ("{% include 'x' %}", "no loader"),
        ("{{ a }}" * 2, f"gives more than {TEXT_LIMIT} characters"),
        ("{% for i in range(1000000) %}{% endfor %}", "Range too big"),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
            f"gives more than {TEXT_LIMIT} characters",
        ),
    ],
)
def test_what_does_not_work_says_where(text: str, words: str) -> None:
    with pytest.raises(FormError) as caught:
        filled(text, a="x" * TEXT_LIMIT)
    assert caught.value.option == "ticket.title"
    assert words in caught.value.words
    assert str(caught.value) == f"ticket.title: {caught.value.words}"


@pytest.mark.parametrize("fact", FACTS, ids=["call", "customer"])
def test_the_sandbox_holds_for_facts_as_jinja_has_it(fact: Call | Customer) -> None:
    sandbox, jinja = Sandbox(), ImmutableSandboxedEnvironment()
    names = [*dir(fact), "_private", "__missing__", "mro", "gi_frame", "append", "pop", "update"]
    safe = {name: sandbox.is_safe_attribute(fact, name, getattr(fact, name, None)) for name in names}
    assert safe == {name: jinja.is_safe_attribute(fact, name, getattr(fact, name, None)) for name in names}
    assert set(safe.values()) == {True, False}


@pytest.mark.parametrize(
    "text",
    [
        "{{ call.__class__ }}",
        "{{ call.__init__.__globals__ }}",
        "{{ call.wishes.clear() }}",
        "{{ call['__class__'] }}",
        "{{ call|attr('__class__') }}",
        "{{ customer.__getitem__('x') }}",
        "{{ customer.columns.update(a='b') }}",
        "{{ '{0.__class__}'.format(call) }}",
    ],
)
def test_a_fact_is_no_way_out(text: str) -> None:
    call, customer = FACTS
    with pytest.raises(FormError, match=r"unsafe|no attribute|not subscriptable|undefined"):
        filled(text, call=call, customer=customer)


def test_a_text_without_names_is_not_compiled() -> None:
    assert Templates().read("ticket.queue", "Raw::{Sub}") == "Raw::{Sub}"


def test_a_text_that_several_options_share_is_compiled_once() -> None:
    templates = Templates()
    assert templates.read("ticket.title", "{{ a }}") is templates.read("ticket.subject", "{{ a }}")
