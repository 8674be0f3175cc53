"""`paifang policy`: what an operator does with the files, offline."""

import pytest

from paifang.errors import EXIT_REFUSED, EXIT_USAGE

PEOPLE = """
[people.alice]
roles = ["operator"]
hours = "06:00-20:00"

[people.bob]
roles = ["approver"]
"""


@pytest.fixture
def folder(paifang):
    made = paifang.data / "policy"
    made.mkdir(parents=True)
    (made / "people.toml").write_text(PEOPLE)
    return made


EXPLAINED = [
    ("alice operate relay-7 on at 12:00", 0, "allowed: permitted by operators-command (roles.cedar:"),
    ("alice operate relay-7 on at 21:00", 1, "denied: forbidden by on-duty (guards.cedar:"),
    ("bob operate relay-7 on", 1, "denied: no rule permits bob (approver) to operate relay-7 1"),
    ("bob approve relay-7 for alice", 0, "allowed: permitted by approvers-approve"),
    ("bob approve relay-7 for bob", 1, "denied: forbidden by two-persons"),
    ("carol read relay-7", 1, "denied: carol has no role here"),
    ("carol read relay-7 --role viewer", 0, "allowed: permitted by all-roles-read"),
    ("carol safe relay-7 --role safety", 0, "allowed: permitted by safety-always"),
]


@pytest.mark.parametrize(("question", "code", "told"), EXPLAINED, ids=[each[0] for each in EXPLAINED])
def test_explain_says_which_rule_decides(inside, folder, question, code, told):
    words, _, role = question.partition(" --role ")
    done = inside("policy", "explain", words, *(["--role", role] if role else []))
    assert (done.code, done.out.startswith(told), done.err) == (code, True, ""), done.out


def test_explain_for_scripts(inside, folder):
    done = inside("policy", "explain", "alice operate relay-7 on at 12:00", "--json")
    assert (done.code, done.json["allowed"], done.json["rules"]) == (0, True, ["operators-command"])
    done = inside("policy", "explain", "bob operate relay-7 on", "--json")
    assert (done.code, done.json["allowed"], done.json["rules"]) == (EXIT_REFUSED, False, [])


def test_explain_knows_the_users_of_the_settings(inside, paifang):
    paifang.data.mkdir()
    (paifang.data / "gateway.toml").write_text('[[control.users]]\nuser = "carol"\nroles = ["operator"]\n')
    assert inside("policy", "explain", "carol direct relay-7 on").code == 0


def test_a_question_that_is_none_is_wrong_usage(inside, folder):
    done = inside("policy", "explain", "alice opperate relay-7")
    assert (done.code, done.out) == (EXIT_USAGE, "")
    assert done.err == 'paifang: there is no action "opperate"; did you mean "operate"?\n'


def test_check_finds_the_mistakes_of_a_folder(inside, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.cedar").write_text('@id("a")\npermit (principal in Role::"operater", action, resource);')
    done = inside("policy", "check", tmp_path / "p")
    assert (done.code, done.out) == (EXIT_USAGE, "")
    assert done.err.startswith(f'paifang: {tmp_path}/p/a.cedar:2: no role `operater`; did you mean "operator"?')
    [found] = inside("policy", "check", tmp_path / "p", "--json").json
    assert (found["level"], found["line"]) == ("error", 2)
    assert inside("policy", "check", tmp_path / "none").code == EXIT_USAGE


def test_check_warns_of_open_files_and_unknown_persons(inside, folder):
    (folder / "a.cedar").write_text('@id("a") permit (principal == Person::"alcie", action, resource);')
    (folder / "people.toml").chmod(0o666)
    done = inside("policy", "check")
    assert done.code == 0
    assert "people.toml can be written by others: close it with: chmod go-w" in done.out
    assert 'a.cedar:1 (a) names alcie, who is not in people.toml; did you mean "alice"?' in done.out


def test_what_init_writes_is_right_and_is_the_embedded_policy(inside, paifang):
    before = inside("policy", "show", "--json").json
    assert inside("policy", "init").code == 0
    checked = inside("policy", "check")
    assert (checked.code, "warning" in checked.out, str(paifang.data / "policy") in checked.out) == (0, False, True)
    assert inside("policy", "show", "--json").json["rules"] == before["rules"]
    people = paifang.data / "policy" / "people.toml"
    switched_on = [line[2:] if " = " in line or line[:3] == "# [" else line for line in people.read_text().splitlines()]
    people.write_text("\n".join(switched_on))
    again = inside("policy", "init")
    assert (again.code, "has them already" in again.err) == (0, True)
    shown = inside("policy", "show")
    assert "alice" in shown.out
    assert inside("policy", "check").code == 0


def test_the_whole_check_looks_at_the_policy_too(inside, paifang, folder):
    (paifang.data / "gateway.toml").write_text(
        'nodes.tcp.listen = "127.0.0.1:0"\n[[control.users]]\nuser = "no-such-user"\nroles = ["viewer"]\n'
    )
    rows = inside("check", "--json").json
    assert [each["level"] for each in rows if each["subject"] == "policy"] == ["ok"]
    assert 'this machine has no user "no-such-user"' in [each["message"] for each in rows]
    (folder / "bad.cedar").write_text("permit (")
    done = inside("check", "--json")
    assert done.code == EXIT_REFUSED
    assert "bad.cedar:1" in next(each["message"] for each in done.json if each["subject"] == "policy")


async def test_a_gateway_does_not_start_with_a_policy_that_is_wrong(paifang, folder):
    (folder / "bad.cedar").write_text("permit (")
    done = await paifang("run")
    assert (done.code, done.out) == (EXIT_USAGE, "")
    assert f"{folder}/bad.cedar:1: not Cedar" in done.err
