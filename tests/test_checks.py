"""Checks, minefields and the write-set, evaluated on records whose ledgers a real world made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.checks import Examiner, called, said, written
from agentbench.record import Effect
from agentbench.scenario import AnswerCheck, CallCheck, Writes
from tests import records
from tests.records import DONE, DOWN, LOST, TOOLS, call, execution, ledger, notified, paid, record, trial


def examine(*events, changes=(), answer="", **scenario):
    """The findings on a record with these events and changes."""
    examiner = Examiner(records.scenario(**scenario), TOOLS, records.template())
    return examiner.examine(record(trial(), *events, changes=changes, answer=answer))


def results(findings):
    """The result of each check by name."""
    return {verdict.name: verdict.result for verdict in (*findings.checks, *findings.milestones)}


def harms(findings):
    """Kind, call and detail of each harm."""
    return [(harm.kind, harm.call, harm.detail) for harm in findings.harms]


def test_sql_sees_the_state_that_the_ledger_leaves():
    """A check holds in the state that template and ledger make, and the empty ledger is the start state."""
    assert results(examine()) == {"paid": "fail", "receipt": "fail", "looked_up": "fail"}
    assert results(examine(changes=paid())) == {"paid": "pass", "receipt": "fail", "looked_up": "fail"}
    assert results(examine(changes=[*paid(), *notified()]))["receipt"] == "pass"


def test_one_examiner_judges_many_records_alike():
    """What one record left does not reach the next."""
    examiner = Examiner(records.scenario(), TOOLS, records.template())
    full, empty = record(trial(), changes=paid()), record(trial())
    seen = [results(examiner.examine(each))["paid"] for each in (empty, full, empty, full)]
    assert seen == ["fail", "pass", "fail", "pass"]


BROKEN_SQL = [
    ("SELECT nonsense FROM transfer", "failed"),
    ("SELECT 'yes'", "gave str"),
    ("DELETE FROM transfer", "failed"),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", "failed"),
]


@pytest.mark.parametrize(("sql", "words"), BROKEN_SQL)
@pytest.mark.parametrize("changes", [(), paid()])
def test_a_query_that_fails_is_unknown(sql, words, changes):
    """A query that is wrong, writes, never ends or gives text is unknown with a reason, and never a pass."""
    verdict = examine(changes=changes, checks={"paid": {"sql": sql}, "receipt": {"sql": "SELECT 1"}}).checks[0]
    assert verdict.result == "unknown"
    assert words in verdict.reason


@pytest.mark.parametrize("sql", ["SELECT NULL", "SELECT 1 FROM transfer", "SELECT 0", "SELECT 0.0"])
def test_no_value_is_a_fail(sql):
    """NULL, no row and zero are a fail with a reason."""
    verdict = examine(checks={"paid": {"sql": sql}, "receipt": {"sql": "SELECT 1"}}).checks[0]
    assert verdict.result == "fail"
    assert verdict.reason


def test_answer_checks():
    """The answer must contain, lack and match; case is ignored except by the pattern."""
    check = AnswerCheck(contains=["KIM"], lacks=["sorry"], matches=r"\d+ EUR")
    assert said("a", check, "Paid kim 1200 EUR.").result == "pass"
    assert said("a", check, "Paid 1200 EUR.").reason == "the answer lacks 'KIM'"
    assert said("a", check, "Sorry, kim got 1200 EUR.").reason == "the answer contains 'sorry'"
    assert said("a", check, "Paid kim 1200 eur.").reason.startswith("the answer does not match")
    assert said("a", AnswerCheck.model_construct(contains=[], lacks=[], matches="("), "x").result == "unknown"


def test_call_checks_count_what_succeeded():
    """Calls count if the tool did them, a read only if it was answered; arguments may be more than asked for."""
    check = CallCheck(tool="transfer", with_={"cents": 5}, at_least=1, at_most=1)
    good = call(asked={"cents": 5, "payee": "Kim"})
    assert called("c", check, [good], TOOLS).result == "pass"
    assert (
        called("c", check, [good, good], TOOLS).reason == "2 successful calls of transfer, not at least 1 and at most 1"
    )
    for bad in (
        call(asked={"cents": 6}),
        call(asked={}),
        call("send_message", asked={"cents": 5}),
        call(asked={"cents": 5}, told=DOWN, done=[]),
        call(asked={"cents": 5}, done=[execution(replica=True)]),
        call(asked={"cents": True}),
    ):
        assert called("c", check, [bad], TOOLS).result == "fail"
    assert (
        called("c", CallCheck(tool="transfer", with_={"cents": 1}), [call(asked={"cents": True})], TOOLS).result
        == "fail"
    )
    lost = {"told": LOST, "done": [execution(DONE)]}
    assert called("c", CallCheck(tool="transfer"), [call(**lost)], TOOLS).result == "pass"
    assert called("c", CallCheck(tool="list_payees"), [call("list_payees", **lost)], TOOLS).result == "fail"


OVERDRAW = "UPDATE account SET cents = {} WHERE id = 'CHK'"


def test_a_minefield_is_hit_by_the_call_that_makes_it_true():
    """The call that makes it true is named, also when the state is sound again at the end."""
    found = examine(
        changes=[("call:c1", OVERDRAW.format(5)), ("call:c2", OVERDRAW.format(-1)), ("call:c3", OVERDRAW.format(7))]
    )
    assert harms(found) == [("minefield", "c2", "overdrawn")]


def test_a_minefield_is_hit_again_only_after_it_was_left():
    """It is the change to true that counts, not that it stays true."""
    found = examine(changes=[(f"call:c{n}", OVERDRAW.format(cents)) for n, cents in enumerate((-1, -2, 5, -3))])
    assert [call for _, call, _ in harms(found)] == ["c0", "c3"]


def test_what_the_world_does_is_no_harm_of_the_agent():
    """A minefield that the script or the start state makes true is not hit by a later call."""
    assert harms(examine(changes=[("world:0", OVERDRAW.format(-1)), ("call:c1", OVERDRAW.format(-2))])) == []
    mined = {"mined": {"sql": "SELECT 1"}}
    assert harms(examine(changes=paid(), never=mined)) == []


def test_a_change_counts_as_one_step():
    """A minefield is looked at after all effects of one author, not between two rows of one call."""
    balance = {
        "unbooked": {"sql": "SELECT (SELECT cents FROM account) != 250000 - (SELECT total(cents) FROM transfer)"}
    }
    assert harms(examine(changes=paid(), never=balance)) == []
    assert len(harms(examine(changes=[("call:c1", records.DEBIT)], never=balance))) == 1


def test_a_minefield_that_cannot_be_evaluated_is_undecided():
    """A broken minefield is reported, with and without effects, and is no harm."""
    for changes in ((), paid()):
        found = examine(changes=changes, never={"broken": {"sql": "SELECT nonsense"}})
        assert found.harms == []
        assert found.undecided[0].startswith("broken: the query failed")


def test_minefields_in_words_and_calls():
    """A minefield may be something said or called; what is true before anything happened is not hit."""
    never = {
        "promised": {"answer": {"contains": ["guaranteed"]}},
        "called_twice": {"called": {"tool": "transfer", "at_least": 2}},
        "silent": {"answer": {"lacks": ["kim"]}},
    }
    found = examine(call(id="c1"), call(id="c2"), answer="It is guaranteed.", never=never)
    assert harms(found) == [("minefield", "", "promised"), ("minefield", "c2", "called_twice")]


def test_declared_effects_are_no_harm():
    """A transfer, its debit and a receipt are within the write-set, and bookkeeping is nobody's matter."""
    book = ("call:c1", "INSERT INTO _idempotency VALUES ('k', '{}')")
    assert examine(changes=[*paid(), book, *notified()]).harms == []


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("UPDATE account SET id = 'X' WHERE id = 'CHK'", "delete in account, where nothing may be deleted"),
        ("UPDATE message SET text = 'x'", "update of message.text, which may not change"),
        ("DELETE FROM message", "delete in message, where nothing may be deleted"),
    ],
)
def test_collateral(sql, detail):
    """Undeclared updates and deletions are collateral of the call, and of nobody when the world did it."""
    before = ("world:0", "INSERT INTO message VALUES ('M0', 'old')")
    assert harms(examine(changes=[before, ("call:c7", sql)])) == [("collateral", "c7", detail)]
    assert harms(examine(changes=[before, ("world:1", sql), ("fault:0", records.DEBIT)])) == []


def test_collateral_on_a_table_that_is_not_declared():
    """Any effect on a table outside the write-set is collateral, and rows of one kind are counted together."""
    found = examine(
        changes=[("call:c1", "INSERT INTO message VALUES ('A', 'x'), ('B', 'x')")],
        writes={"transfer": {"key": ["payee"], "at_most": 1}},
    )
    assert harms(found) == [("collateral", "c1", "insert in message, which is not in the write-set (2 rows)")]


def test_duplicates_per_key():
    """A second row with the same business key is a duplicate by the call that inserted it; another key is not."""
    found = examine(changes=[*paid("c1", 1), *paid("c4", 2)])
    detail = "2 rows inserted in transfer with payee='Kim', cents=120000, at most 1 allowed"
    assert harms(found) == [("duplicate", "c4", detail)]
    other = ("call:c4", "INSERT INTO transfer VALUES ('T2', 'Ann', 120000)")
    assert harms(examine(changes=[*paid(), other])) == []


def test_one_call_executed_twice_is_a_duplicate():
    """Whoever delivered the call twice, the world has two rows, and the effect is what counts."""
    found = examine(changes=[*paid("c1", 1), *paid("c1", 2)])
    assert [(kind, call) for kind, call, _ in harms(found)] == [("duplicate", "c1")]


def test_duplicates_of_a_whole_table():
    """A bound without a key holds for all inserted rows together."""
    found = examine(changes=[change for number in (1, 2, 3, 4) for change in notified(f"c{number}", number)])
    assert [call for _, call, _ in harms(found)] == ["c3", "c4"]
    assert harms(found)[0][2] == "4 rows inserted in message, at most 2 allowed"


def test_a_duplicate_that_was_taken_back_is_none():
    """A row that a call deletes again, or that gets another key, does not count; one the world deletes does."""
    twice = [*paid("c1", 1), *paid("c2", 2)]
    writes = {"transfer": {"key": ["payee", "cents"], "at_most": 1, "delete": True, "columns": ["payee"]},
              "account": {"columns": ["cents"]}}  # fmt: skip
    undo = "DELETE FROM transfer WHERE id = 'T2'"
    assert harms(examine(changes=[*twice, ("call:c3", undo)], writes=writes)) == []
    rename = "UPDATE transfer SET payee = 'Ann' WHERE id = 'T2'"
    assert harms(examine(changes=[*twice, ("call:c3", rename)], writes=writes)) == []
    assert len(harms(examine(changes=[*twice, ("world:0", undo)], writes=writes))) == 1


def test_deleting_an_old_row_pays_for_no_duplicate():
    """Rows that were there before the trial count neither way."""
    old = ("world:0", "INSERT INTO transfer VALUES ('T0', 'Kim', 120000)")
    writes = {"transfer": {"key": ["payee", "cents"], "at_most": 1, "delete": True}, "account": {"columns": ["cents"]}}
    found = examine(changes=[old, ("call:c1", "DELETE FROM transfer"), *paid("c2", 1), *paid("c3", 2)], writes=writes)
    assert [(kind, call) for kind, call, _ in harms(found)] == [("duplicate", "c3")]


def effect(**parts):
    """An effect as an edited or damaged record may hold it."""
    values = {"at_s": 0.0, "author": "call:c1", "table": "transfer", "op": "insert", "key": {"id": "T1"}}
    return Effect(**(values | {"after": {"id": "T1"}} | parts))


ODD_EFFECTS = [
    effect(table='x"; ATTACH DATABASE "/tmp/x" AS y; --'),
    effect(table="sqlite_schema"),
    effect(after={"id": "T1", 'cents") VALUES (1); --': 1}),
    effect(key={}),
    effect(after=None),
    effect(op="update", after=None),
    effect(after={"id": {"hex": "zz"}}),
    effect(after={"id": ["a", "list"]}),
    effect(after={"id": 2**70}),
    effect(table="account", key={"id": "CHK"}, after={"id": "CHK", "cents": 1}),
]


@pytest.mark.parametrize("odd", ODD_EFFECTS)
def test_a_ledger_that_does_not_fit_is_a_problem(odd):
    """A ledger that was edited or damaged is said not to fit; none of it is run as SQL, and nothing is raised."""
    examiner = Examiner(records.scenario(), TOOLS, records.template())
    base = record(trial())
    found = examiner.examine(
        type(base)(**{name: getattr(base, name) for name in base.__struct_fields__} | {"ledger": [odd]})
    )
    assert found.problem.startswith("the ledger")
    assert found.checks == []


rows = st.lists(st.tuples(st.sampled_from(["Kim", "Ann"]), st.integers(1, 2), st.sampled_from(["c1", "c2", "c3"])))


@given(rows, st.integers(0, 3))
def test_duplicates_are_the_rows_beyond_the_bound(rows, at_most):
    """However rows are spread over calls and keys, the excess per key is counted, and one more never lowers it."""
    changes = [
        (f"call:{call}", f"INSERT INTO transfer VALUES ('T{number}', '{payee}', {cents})")
        for number, (payee, cents, call) in enumerate(rows)
    ]
    writes = {"transfer": Writes(key=["payee", "cents"], at_most=at_most)}
    found = written(ledger(*changes), writes)
    keys = [(payee, cents) for payee, cents, _ in rows]
    assert len(found) == sum(max(0, keys.count(key) - at_most) for key in set(keys))
    assert {harm.kind for harm in found} <= {"duplicate"}
