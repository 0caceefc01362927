"""Wrong rules of supervision: 1 to 20 are those that ports of OTP get wrong, the others stand beside them."""

from __future__ import annotations

from wrong_rules.rule import WrongRule, wrong

_BRING_BACK = """            member = self._find(name)
            if not self._start_again(member):
"""

MAIN: tuple[WrongRule, ...] = (
    wrong(
        1,
        "Every child has an intensity of its own.",
        "test_supervision.py::test_restarts_of_all_children_count_together",
        (
            "guardian.py",
            "        admitted, self.restarts_s = admit(self.restarts_s, now_s)\n",
            "        admitted, child.own_restarts_s = admit(child.own_restarts_s, now_s)\n",
        ),
    ),
    wrong(
        2,
        "The last restart that is allowed ends the supervisor already.",
        "test_supervision.py::test_one_restart_more_than_allowed_ends_the_supervisor[1]",
        ("intensity.py", "return len(recent) <= restarts_max,", "return len(recent) < restarts_max,"),
    ),
    wrong(
        3,
        "The window begins anew when it is over, instead of sliding.",
        "test_promises.py::test_the_window_slides_with_every_restart",
        (
            "intensity.py",
            "(*(at_s for at_s in restarts_s if now_s - at_s <= window_s), now_s)",
            "(*(restarts_s if restarts_s and now_s - restarts_s[0] <= window_s else ()), now_s)",
        ),
    ),
    wrong(
        4,
        "Further tries of a restart that failed do not count.",
        "test_supervision.py::test_a_restart_that_fails_is_tried_again_at_once_and_every_try_counts",
        (
            "guardian.py",
            """ in ("restarting", "given_up"):
                    self._restart(child)
""",
            """ in ("restarting", "given_up"):
                    self._bring_back(child)
""",
        ),
    ),
    wrong(
        5,
        "When the first start of a child fails, those before it are left running.",
        "test_start.py::test_a_failing_init_stops_the_earlier_children_in_reverse_and_never_retries[loop]",
        (
            "supervision.py",
            "                self._stop_all()\n                raise Stop(",
            "                raise Stop(",
        ),
    ),
    wrong(
        6,
        "The end of an incarnation that a group restart has replaced counts for the one that replaced it.",
        "test_supervision.py::test_a_group_restart_counts_once_even_when_two_die_together",
        ("supervision.py", "            if child.actor is actor:\n", "            if child.path == actor.path:\n"),
        (
            "guardian.py",
            """ is not None and child.actor is actor:
                    self._child_ended(""",
            """ is not None:
                    self._child_ended(""",
        ),
    ),
    wrong(
        7,
        "After a failed group restart one_for_all resumes at the child that failed.",
        "test_supervision.py::test_after_a_failed_group_restart_one_for_all_redoes_the_group",
        (
            "supervision.py",
            "    def _clear_the_way(self, child: Child) -> None:\n",
            "    def _clear_the_way(self, child: Child) -> None:\n        if child.failures:\n            return\n",
        ),
        (
            "supervision.py",
            _BRING_BACK,
            """            member = self._find(name)
            if member.actor is not None:
                continue
            if not self._start_again(member):
""",
        ),
    ),
    wrong(
        8,
        "A group restart leaves members down that had finished.",
        "test_supervision.py::test_a_group_restart_starts_finished_and_hand_stopped_members_and_drops_temporary_ones",
        (
            "supervision.py",
            _BRING_BACK,
            """            member = self._find(name)
            if member.last_exit is not None and member.last_exit.kind == "normal":
                continue
            if not self._start_again(member):
""",
        ),
    ),
    wrong(
        9,
        "The specification of a temporary child stays when the child ended.",
        "test_operations.py::test_terminate_drops_a_temporary_child",
        (
            "supervision.py",
            """    def _finished(self, child: Child) -> None:
        if child.spec.restart == "temporary":
            self._forget(child)
""",
            """    def _finished(self, child: Child) -> None:
        del child
""",
        ),
    ),
    wrong(
        10,
        "A transient child that ends with shutdown is brought back.",
        "test_supervision.py::test_a_restart_type_decides_who_comes_back",
        (
            "strategies.py",
            "            return not exit_reason.is_clean\n",
            '            return exit_reason.kind != "normal"\n',
        ),
    ),
    wrong(
        11,
        "A supervisor that gives up ends with a crash.",
        "test_supervision.py::test_a_transient_supervisor_that_gives_up_is_not_restarted_for_it_ends_with_shutdown",
        (
            "guardian.py",
            "spec.restarts_max, spec.restarts_window_s))\n        raise Stop(SHUTDOWN)\n",
            'spec.restarts_max, spec.restarts_window_s))\n        raise Stop(Exit("crash", "it gave up"))\n',
        ),
    ),
    wrong(
        12,
        "Children stop in the order in which they were started.",
        "test_stopping.py::test_children_stop_one_at_a_time_in_reverse_start_order[loop]",
        (
            "supervision.py",
            "        for child in reversed(self._children):\n            self._stop_child(child)\n",
            "        for child in self._children:\n            self._stop_child(child)\n",
        ),
    ),
    wrong(
        13,
        "terminate_child drops the specification of a permanent child.",
        "test_operations.py::test_children_are_counted_by_kind_and_stopped_ones_too",
        (
            "supervision.py",
            """    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        self._finished(child)
""",
            """    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        self._forget(child)
""",
        ),
    ),
    wrong(
        14,
        "A restart by hand counts.",
        "test_promises.py::test_what_is_done_by_hand_counts_as_no_restart",
        (
            "guardian.py",
            "    def _start_by_hand(self, child: Child) -> Started | None:\n",
            "    def _start_by_hand(self, child: Child) -> Started | None:\n        self._admit(child)\n",
        ),
    ),
    wrong(
        15,
        "A child that is restarted by hand moves to the end of the order.",
        "test_promises.py::test_a_restart_by_hand_keeps_the_place_in_the_order",
        (
            "supervision.py",
            "                return self._start_by_hand(self._stopped(name))\n",
            """                child = self._stopped(name)
                self._children = (*(known for known in self._children if known is not child), child)
                return self._start_by_hand(child)
""",
        ),
    ),
    wrong(
        16,
        "A restarted supervisor has the children that were added by hand, too.",
        "test_supervision.py::test_a_restarted_supervisor_has_its_static_children_only",
        (
            "supervision.py",
            " for child in spec.children)\n        for",
            " for child in (*spec.children, *(self.kept.value or ())))\n        for",
        ),
        (
            "supervision.py",
            "        self._children = (*self._children, child)\n",
            (
                "        self._children = (*self._children, child)\n"
                "        self.kept.value = (*(self.kept.value or ()), spec)\n"
            ),
        ),
    ),
    wrong(
        17,
        "An init that ignores counts as a child that runs.",
        "test_operations.py::test_a_start_that_ignores_keeps_the_specification_unless_it_is_temporary",
        (
            "children.py",
            "ActorIgnored(child.path, actor.incarnation))\n            return None\n",
            "ActorIgnored(child.path, actor.incarnation))\n            return Started(child.path, actor, None)\n",
        ),
    ),
    wrong(
        18,
        "Stopping a significant child by hand ends its supervisor.",
        "test_promises.py::test_a_significant_child_stopped_by_hand_ends_nobody",
        (
            "supervision.py",
            """    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
""",
            """    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        if child.spec.significant:
            raise Stop(Exit("shutdown"))
""",
        ),
    ),
    wrong(
        19,
        "Between two tries of a restart a child is shown as stopped.",
        "test_supervision.py::test_a_failed_restart_is_tried_again_behind_what_is_queued",
        (
            "guardian.py",
            'child.phase = "restarting"\n                child.failures += 1\n',
            'child.phase = "stopped"\n                child.failures += 1\n',
        ),
    ),
    wrong(
        20,
        "An actor has its name only once its init is done.",
        "test_promises.py::test_a_call_while_the_init_runs_waits_and_is_served",
        ("system.py", "self.registry.register(path, actor)", "pass"),
        (
            "incarnation.py",
            '            self._state = "running"\n            self.booted.set(extra)\n',
            (
                '            self._state = "running"\n            self.system.registry.register(self.path, self)\n'
                "            self.booted.set(extra)\n"
            ),
        ),
    ),
)

BESIDE: tuple[WrongRule, ...] = (
    wrong(
        21,
        "A restart that is exactly as old as the window is forgotten.",
        "test_supervision.py::test_the_window_slides",
        (
            "intensity.py",
            "for at_s in restarts_s if now_s - at_s <= window_s)",
            "for at_s in restarts_s if now_s - at_s < window_s)",
        ),
    ),
    wrong(
        22,
        "A restart that fails is tried again before what is queued.",
        "test_supervision.py::test_a_failed_restart_is_tried_again_behind_what_is_queued",
        (
            "guardian.py",
            "                self.tell_info(_TryAgain(child))\n",
            "                self.handle_info(_TryAgain(child))\n",
        ),
    ),
    wrong(
        23,
        "A supervisor fails with the reason of its child, and who failed below it is lost.",
        "test_start.py::test_a_nested_start_failure_nests_its_reason[loop]",
        (
            "supervision.py",
            'raise Stop(Exit("shutdown", FailedToStart(failure.path, failure.exit_reason)))',
            "raise Stop(failure.exit_reason)",
        ),
    ),
    wrong(
        24,
        "After a failed group restart rest_for_one redoes the whole group.",
        "test_supervision.py::test_after_a_failed_group_restart_rest_for_one_resumes_at_the_child_that_failed",
        (
            "guardian.py",
            """ in ("restarting", "given_up"):
                    self._restart(child)
""",
            """ in ("restarting", "given_up"):
                    self._restart(self.children[0])
""",
        ),
    ),
    wrong(
        25,
        "A group restart goes on past a member that does not start.",
        "test_supervision.py::test_after_a_failed_group_restart_one_for_all_redoes_the_group",
        (
            "supervision.py",
            "            if not self._start_again(member):\n                return\n",
            "            if not self._start_again(member):\n                continue\n",
        ),
    ),
    wrong(
        26,
        "A temporary child is brought back after a crash.",
        "test_supervision.py::test_a_restart_type_decides_who_comes_back",
        (
            "strategies.py",
            '        case "temporary":\n            return False\n',
            '        case "temporary":\n            return exit_reason.kind == "crash"\n',
        ),
    ),
    wrong(
        27,
        "A permanent child that ends normally stays down.",
        "test_supervision.py::test_a_restart_type_decides_who_comes_back",
        (
            "strategies.py",
            '        case "permanent":\n            return True\n',
            '        case "permanent":\n            return exit_reason.kind != "normal"\n',
        ),
    ),
    wrong(
        28,
        "A group restart stops the siblings in start order.",
        "test_supervision.py::test_a_strategy_restarts_its_group_in_order",
        ("strategies.py", "name for name in reversed(concerned) if", "name for name in concerned if"),
    ),
    wrong(
        29,
        "rest_for_one restarts the children before the one that ended.",
        "test_supervision.py::test_a_strategy_restarts_its_group_in_order",
        (
            "strategies.py",
            "            concerned = children[position:]\n",
            "            concerned = children[: position + 1]\n",
        ),
    ),
    wrong(
        30,
        "A restarted supervisor remembers the restarts of the one before.",
        "test_promises.py::test_a_restarted_supervisor_has_an_empty_history",
        (
            "guardian.py",
            "        admitted, self.restarts_s = admit(self.restarts_s, now_s)\n",
            "        admitted, self.kept.value = admit(self.kept.value or (), now_s)\n",
        ),
    ),
    wrong(
        31,
        "A failed start by hand leaves its specification behind.",
        "test_operations.py::test_a_failed_start_by_hand_leaves_nothing",
        (
            "supervision.py",
            "        except StartFailed:\n            self._forget(child)\n            raise\n",
            "        except StartFailed:\n            raise\n",
        ),
    ),
    wrong(
        32,
        "A restart by hand that fails is tried again.",
        "test_operations.py::test_a_restart_by_hand_that_fails_is_not_retried",
        (
            "guardian.py",
            (
                "        started = self._start(child)\n"
                "        if started is None:\n"
                "            self._ignored(child)\n"
                "        else:\n"
            ),
            """        try:
            started = self._start(child)
        except StartFailed:
            child.phase = "restarting"
            self.tell_info(_WaitIsOver(child))
            raise
        if started is None:
            self._ignored(child)
        else:
""",
        ),
    ),
    wrong(
        33,
        "Stopping a child by hand stops the siblings that restart with it.",
        "test_promises.py::test_what_is_done_by_hand_touches_no_sibling",
        (
            "supervision.py",
            """    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        self._finished(child)
""",
            """    def _terminate(self, child: Child) -> None:
        for sibling in self._children:
            self._stop_child(sibling)
        self._finished(child)
""",
        ),
    ),
    wrong(
        34,
        "which_children lists the oldest child first.",
        "test_operations.py::test_a_child_added_by_hand_goes_last_and_its_name_is_unique",
        ("guardian.py", "        return reversed(self.children)\n", "        return self.children\n"),
    ),
    wrong(
        35,
        "A child that is added by hand goes first in the order.",
        "test_operations.py::test_delete_and_start_move_a_child_to_the_end",
        (
            "supervision.py",
            "        self._children = (*self._children, child)\n",
            "        self._children = (child, *self._children)\n",
        ),
    ),
    wrong(
        36,
        "The first end of a significant child ends the supervisor, whatever it waits for.",
        "test_stopping.py::test_significant_ends_shut_the_supervisor_down[all_significant]",
        (
            "strategies.py",
            "            return significant and not other_significant_alive\n",
            "            return significant or other_significant_alive\n",
        ),
    ),
    wrong(
        37,
        "Any end that is not restarted ends a supervisor with any_significant.",
        "test_promises.py::test_the_end_of_an_insignificant_child_ends_nobody",
        (
            "strategies.py",
            '        case "any_significant":\n            return significant\n',
            '        case "any_significant":\n            return True\n',
        ),
    ),
    wrong(
        38,
        "A significant child ends its supervisor even when it is restarted.",
        "test_promises.py::test_a_significant_child_that_is_restarted_ends_nobody",
        (
            "guardian.py",
            '        if directive != "stop" and needs_restart(',
            '        if not child.spec.significant and directive != "stop" and needs_restart(',
        ),
    ),
    wrong(
        39,
        "A brutal stop asks first.",
        "test_stopping.py::test_a_brutal_stop_asks_nobody[loop]",
        (
            "children.py",
            '                actor.kill("stopped brutally by its supervisor")\n',
            '                actor.order("shut_down", SHUTDOWN)\n',
        ),
    ),
    wrong(
        40,
        "A child that was killed for not stopping in time says that it was shut down.",
        "test_stopping.py::test_a_child_that_does_not_stop_in_time_is_killed",
        ("children.py", "SHUTDOWN if obedient else KILLED", "SHUTDOWN"),
    ),
    wrong(
        41,
        "An actor that is asked to stop dies at once.",
        "test_promises.py::test_an_actor_that_is_asked_to_stop_finishes_its_message",
        (
            "children.py",
            '                actor.order("shut_down", SHUTDOWN)\n',
            '                actor.kill("asked to stop", SHUTDOWN)\n',
        ),
    ),
    wrong(
        42,
        "A kill is no restart that counts.",
        "test_supervision.py::test_one_restart_more_than_allowed_ends_the_supervisor[0]",
        (
            "guardian.py",
            "        if not self._admit(child):\n",
            "        if child.last_exit is not None and child.last_exit.kind != 'killed' and not self._admit(child):\n",
        ),
    ),
    wrong(
        43,
        "An init that took too long goes on and becomes an actor.",
        "test_promises.py::test_an_init_that_takes_too_long_never_becomes_an_actor",
        (
            "children.py",
            '            actor.kill("its init took too long" if late else',
            "            late or actor.kill(",
        ),
    ),
    wrong(
        44,
        "The window counts whole seconds.",
        "test_promises.py::test_the_window_knows_fractions_of_a_second",
        (
            "intensity.py",
            "for at_s in restarts_s if now_s - at_s <= window_s)",
            "for at_s in restarts_s if int(now_s) - int(at_s) <= window_s)",
        ),
    ),
)

HAND: tuple[WrongRule, ...] = (
    wrong(
        108,
        "A start does not wait for the init, and what the init returned is lost.",
        "test_dynamic.py::test_a_child_gets_the_extra_arguments_those_of_the_template_and_its_own_at_every_start",
        ("children.py", "            extra = actor.booted.get(", "            extra = None and actor.booted.get("),
    ),
    wrong(
        109,
        "pykka's stop is an end like any other, and the child comes back.",
        "test_promises.py::test_pykka_s_stop_leaves_a_child_down_until_it_is_restarted_by_hand",
        (
            "incarnation.py",
            "        self.context.supervisor.tell_info(StopRequested(self))\n",
            "        raise Stop(SHUTDOWN)\n",
        ),
    ),
)

DYNAMIC: tuple[WrongRule, ...] = (
    wrong(
        45,
        "Dynamic children are stopped one after another.",
        "test_promises.py::test_dynamic_children_are_all_asked_before_the_supervisor_waits_for_one",
        (
            "dynamic.py",
            '                child.actor.order("shut_down", SHUTDOWN)\n',
            (
                '                child.actor.order("shut_down", SHUTDOWN)\n'
                "                self._await_end(child, began_s)\n"
            ),
        ),
    ),
    wrong(
        46,
        "A dynamic child that ends for good stays in the list.",
        "test_dynamic.py::test_a_child_that_ends_for_good_is_forgotten_whatever_its_restart_type",
        ("dynamic.py", "        if self._knows(child):\n            del self._by_name[child.name]\n", ""),
    ),
    wrong(
        47,
        "A dynamic child that ignores at its restart stays in the list as a ghost.",
        "test_dynamic.py::test_a_restart_that_ignores_leaves_no_ghost",
        (
            "dynamic.py",
            "        if self._start_again(child) and child.actor is None:\n            self._ignored(child)\n",
            "        self._start_again(child)\n",
        ),
    ),
    wrong(
        48,
        "A restarting dynamic child gives up its place under the limit.",
        "test_dynamic.py::test_one_child_more_than_the_limit_is_refused_and_a_restarting_one_holds_its_place",
        (
            "dynamic.py",
            "        if len(self._by_name) >= self.spec.children_max:\n",
            "        if sum(known.actor is not None for known in self._by_name.values()) >= self.spec.children_max:\n",
        ),
    ),
    wrong(
        49,
        "A dynamic child may be stopped by its name, which may be its successor's by then.",
        "test_dynamic.py::test_a_child_is_stopped_by_incarnation_and_never_by_name[loop]",
        (
            "dynamic.py",
            "            case TerminateChild(name) | RestartChild(name)",
            (
                "            case TerminateChild(str(name)):\n"
                "                return self._terminate(self._find(name))\n"
                "            case RestartChild(name)"
            ),
        ),
    ),
    wrong(
        50,
        "Children that are started at once start one after another.",
        "test_promises.py::test_children_started_at_once_are_all_there_before_one_is_ready",
        (
            "dynamic.py",
            "            answers.append(child if launched else None)\n",
            "            answers.append(self._booted_of(child) if launched else None)\n",
        ),
    ),
    wrong(
        51,
        "A restarted dynamic child keeps its place in the list.",
        "test_dynamic.py::test_children_are_listed_oldest_first_and_a_restart_makes_one_the_youngest[loop]",
        ("dynamic.py", "        del self._by_name[child.name]\n        self._by_name[child.name] = child\n", ""),
    ),
    wrong(
        52,
        "A killed dynamic supervisor remembers its children.",
        (
            "test_dynamic.py::test_the_kill_of_a_dynamic_supervisor_takes_its_children_along_and_the_next_one_begins_empty[loop]"
        ),
        (
            "dynamic.py",
            "    def _is_static(self, child: Child) -> bool:\n        return False\n",
            "    def _is_static(self, child: Child) -> bool:\n        return True\n",
        ),
    ),
    wrong(
        53,
        "A dynamic child gets the arguments of its template only.",
        "test_dynamic.py::test_a_child_gets_the_extra_arguments_those_of_the_template_and_its_own_at_every_start[loop]",
        ("dynamic.py", "        args = (*self.spec.extra_args, *own_args) if", "        args = spec.args if"),
    ),
)

RULES = (*MAIN, *BESIDE, *HAND, *DYNAMIC)
