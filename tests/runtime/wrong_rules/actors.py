"""Wrong rules of actors: names, calls, mailboxes, kills, kept state, timers, and what goes beyond OTP."""

from __future__ import annotations

from wrong_rules.rule import WrongRule, wrong

CALLS: tuple[WrongRule, ...] = (
    wrong(
        54,
        "A handler that raises spoils its message only.",
        "test_calls.py::test_a_handler_that_raises_ends_its_incarnation",
        (
            "work.py",
            "self._ended is not None:\n            return False\n        if directive_for(",
            "self._ended is not None:\n            return True\n        if directive_for(",
        ),
    ),
    wrong(
        55,
        "Callers whose message still waited at the crash are told that it was begun.",
        "test_calls.py::test_queued_calls_were_not_begun_and_the_one_in_the_handler_was",
        (
            "incarnation.py",
            "        for envelope in waiting:\n            envelope.fail(self.path, exit_reason, begun=False)\n",
            "        for envelope in waiting:\n            envelope.fail(self.path, exit_reason, begun=True)\n",
        ),
    ),
    wrong(
        56,
        "Callers whose message still waited at the crash hear nothing.",
        "test_promises.py::test_a_call_that_was_queued_at_the_crash_is_failed_at_once",
        (
            "incarnation.py",
            "        for envelope in waiting:\n            envelope.fail(self.path, exit_reason, begun=False)\n",
            "",
        ),
    ),
    wrong(
        57,
        "A call to a name that nobody has may have been begun.",
        "test_calls.py::test_a_call_to_nobody_fails_at_once",
        (
            "errors.py",
            'super().__init__(f"no actor is running at {path}{hint}", path=path, begun=False)',
            'super().__init__(f"no actor is running at {path}{hint}", path=path, begun=True)',
        ),
    ),
    wrong(
        58,
        "A caller whose reply was handed on is failed with the actor that handed it on.",
        "test_actor_life.py::test_a_crash_in_a_batch_fails_all_that_were_not_answered",
        (
            "mailbox.py",
            "        if self.reply_to is not None and not self.handed_on:\n",
            "        if self.reply_to is not None:\n",
        ),
    ),
    wrong(
        59,
        "A handler that answers later has answered already.",
        "test_calls.py::test_a_reply_may_be_given_later[thread]",
        (
            "work.py",
            (
                "        if result is NO_REPLY:\n"
                "            envelope.handed_on = True\n"
                "        elif envelope.reply_to is not None and"
            ),
            "        if envelope.reply_to is not None and",
        ),
    ),
    wrong(
        60,
        "A call whose time was up while it waited is executed all the same.",
        "test_calls.py::test_an_expired_queued_call_is_not_executed",
        ("work.py", "if deadline_s is not None and not deadline_s > now_s and envelope.expires(now_s):", "if False:"),
    ),
    wrong(
        61,
        "A batch holds calls whose time is up.",
        "test_actor_life.py::test_an_expired_call_never_reaches_a_batch",
        ("work.py", "if not waiting.expires(now_s)]", "if True]"),
    ),
    wrong(
        62,
        "A call that is forwarded has all the time in the world.",
        "test_calls.py::test_a_forwarded_call_keeps_its_deadline",
        ("actor.py", "            deadline_s = handled.deadline_s if deadline_s is None else deadline_s\n", ""),
    ),
    wrong(
        63,
        "The last answer wins.",
        "test_promises.py::test_the_first_answer_wins_and_a_late_one_is_dropped",
        (
            "reply.py",
            (
                "            self._unanswered.pop()\n"
                "        except IndexError:\n"
                "            return\n"
                "        self._value = value\n"
            ),
            (
                "            self._unanswered.pop()\n"
                "        except IndexError:\n"
                "            pass\n"
                "        self._value = value\n"
            ),
        ),
    ),
    wrong(
        64,
        "A thread's way of waiting blocks the event loop.",
        "test_promises.py::test_a_thread_s_way_of_waiting_is_refused_on_the_loop_at_once",
        ("reply.py", "            if on_a_loop_thread():\n                raise WouldBlockLoop(self.path)\n", ""),
    ),
    wrong(
        65,
        "A patient call is sent again although its handler had begun.",
        "test_promises.py::test_a_patient_call_is_never_sent_again_once_it_was_begun",
        (
            "system.py",
            "isinstance(exc_info, NoSuchActor | ActorExited) and not exc_info.begun\n",
            "isinstance(exc_info, NoSuchActor | ActorExited)\n",
        ),
    ),
    wrong(
        66,
        "The name is still taken when callers hear of the end.",
        "test_calls.py::test_the_name_is_free_before_callers_hear_of_the_end",
        ("incarnation.py", "        self.system.registry.unregister(self.path, self)\n", ""),
        (
            "incarnation.py",
            "        self._tell_monitors(exit_reason)\n        if ended",
            (
                "        self.system.registry.unregister(self.path, self)\n"
                "        self._tell_monitors(exit_reason)\n"
                "        if ended"
            ),
        ),
    ),
    wrong(
        67,
        "A name that somebody has is taken over by who comes next.",
        "test_promises.py::test_a_registered_name_answers_beside_the_path_and_belongs_to_one",
        ("registry.py", "                raise NameTaken(path, self.actors[path])\n", "                pass\n"),
    ),
    wrong(
        68,
        "A closed mailbox takes messages that nobody will read.",
        "test_mailbox.py::test_a_message_that_comes_in_while_it_closes_is_refused",
        (
            "mailbox.py",
            "                self._attend_to(envelope)\n",
            "                self._wake()\n",
        ),
    ),
    wrong(
        69,
        "A mailbox has no limit.",
        "test_calls.py::test_a_full_mailbox_refuses_calls_and_drops_and_counts_casts",
        (
            "mailbox.py",
            "        if len(messages) < self.capacity or force:\n",
            "        if True:\n",
        ),
    ),
    wrong(
        70,
        "An order waits behind the messages of a batch.",
        "test_promises.py::test_an_order_goes_before_the_rest_of_a_batch_that_was_taken",
        ("thread_actor.py", "            if orders:\n", "            if False:\n"),
        ("loop_actor.py", "            if orders:\n", "            if False:\n"),
    ),
    wrong(
        71,
        "The next message is begun while a coroutine handler waits.",
        "test_promises.py::test_a_coroutine_handler_lets_others_run_and_its_own_messages_wait",
        (
            "loop_actor.py",
            "                    self._run_coroutine(envelope, result, position)\n                    return\n",
            "                    self._run_coroutine(envelope, result, position)\n                    continue\n",
        ),
    ),
    wrong(
        72,
        "A suspended actor handles messages.",
        "test_actor_life.py::test_a_suspended_actor_handles_nothing_until_it_is_resumed",
        ("incarnation.py", '                self._state = "suspended"\n', "                pass\n"),
    ),
)

LIFE: tuple[WrongRule, ...] = (
    wrong(
        73,
        "What a killed incarnation owns is not aborted.",
        "test_kill.py::test_resources_are_aborted_before_the_supervisor_starts_the_next_incarnation",
        (
            "incarnation.py",
            "            self._abort_owned()\n            self._fence()\n",
            "            self._fence()\n",
        ),
    ),
    wrong(
        74,
        "A killed actor cleans up.",
        "test_kill.py::test_an_idle_actor_is_killed_and_brought_back",
        (
            "incarnation.py",
            "        return self._finish(an_exit(exit_reason), killed=True, killed_for=reason)\n",
            (
                "        self.terminate(exit_reason)\n"
                "        return self._finish(an_exit(exit_reason), killed=True, killed_for=reason)\n"
            ),
        ),
    ),
    wrong(
        75,
        "A thread that hangs in a killed actor is nobody's business.",
        "test_kill.py::test_too_many_hung_threads_are_told_as_fatal",
        (
            "thread_actor.py",
            "        if self.busy_since_s is not None and threading.current_thread() is not self._thread:\n",
            "        if False:\n",
        ),
    ),
    wrong(
        76,
        "A hung coroutine is left alone.",
        "test_kill.py::test_a_hung_coroutine_is_cancelled_and_its_late_answer_dropped[obedient]",
        ("loop_actor.py", "        self.system.loop.post(self._cancel_task)\n", "        pass\n"),
    ),
    wrong(
        77,
        "A killed supervisor gives its idle children no time to clean up.",
        "test_promises.py::test_a_killed_supervisor_lets_an_idle_child_clean_up[loop]",
        (
            "children.py",
            "            if isinstance(child.spec, Worker) and actor.cleans_up and idle:\n",
            "            if False:\n",
        ),
    ),
    wrong(
        78,
        "A killed supervisor waits for the messages of its busy children.",
        "test_promises.py::test_a_killed_supervisor_fences_a_busy_child_at_once",
        ("children.py", " and actor.cleans_up and idle:\n", " and actor.cleans_up:\n"),
    ),
    wrong(
        79,
        "A killed supervisor leaves its children running.",
        "test_kill.py::test_the_kill_of_a_supervisor_takes_its_children_along[loop]",
        ("children.py", "                actor.kill(why)\n", "                pass\n"),
        (
            "children.py",
            "                self.system.orphan(actor, why, child.spec.shutdown_s)\n",
            "                pass\n",
        ),
    ),
    wrong(
        80,
        "Every incarnation begins with nothing.",
        "test_kept.py::test_kept_state_is_adopted_by_the_next_incarnation",
        (
            "system.py",
            "spec, args, slot.kept, slot.suspects, supervisor)",
            "spec, args, Kept(), slot.suspects, supervisor)",
        ),
    ),
    wrong(
        81,
        "Kept state survives two crashes in a row.",
        "test_kept.py::test_kept_state_is_dropped_after_two_crashes_in_a_row",
        ("children.py", "            if kept.crashes_in_a_row > 1 and", "            if kept.crashes_in_a_row > 2 and"),
    ),
    wrong(
        82,
        "Two crashes are in a row, however healthy the time between them was.",
        "test_kept.py::test_a_healthy_spell_between_two_crashes_saves_the_kept_state",
        ("children.py", "kept.crashes_in_a_row = 1 if healthy else", "kept.crashes_in_a_row ="),
    ),
    wrong(
        83,
        "Kept state is shared with a thread that hangs in a killed incarnation.",
        "test_kept.py::test_kept_state_that_a_hung_thread_may_still_write_to_is_dropped",
        ("children.py", "        if actor in self.system.abandoned():\n", "        if False:\n"),
    ),
    wrong(
        84,
        "A timer outlives its incarnation and reaches the next one.",
        "test_timers.py::test_timers_end_with_their_incarnation",
        (
            "incarnation.py",
            "            self._timers.cancel_all()\n        # The name",
            "            pass\n        # The name",
        ),
        (
            "actor.py",
            "send_after(delay_s, partial(self.tell_info, message))",
            "send_after(delay_s, lambda: self.system.registry.actors[self.path].tell_info(message))",
        ),
    ),
    wrong(
        85,
        "An interval counts from when it was noticed, and drifts.",
        "test_timers.py::test_an_interval_does_not_drift_and_skips_what_it_missed_in_a_stall",
        (
            "timers.py",
            "            due_s += interval_s * (missed + 1)\n",
            "            due_s = self._clock.monotonic_s() + interval_s\n",
        ),
    ),
    wrong(
        86,
        "Who monitors hears nothing of the end.",
        "test_timers.py::test_a_monitor_tells_the_end_once_and_of_that_incarnation_only",
        ("incarnation.py", "        self._tell_monitors(exit_reason)\n        if ended", "        if ended"),
    ),
    wrong(
        87,
        "Who monitors nobody waits for ever.",
        "test_timers.py::test_a_monitor_of_nobody_is_told_at_once",
        ("actor.py", "            self.tell_down(Down(monitor, path, None))\n", "            pass\n"),
    ),
)

BEYOND: tuple[WrongRule, ...] = (
    wrong(
        88,
        "The first wait between restarts is already longer than the option says.",
        "test_backoff.py::test_waits_grow_to_the_longest_and_begin_anew_after_a_healthy_spell",
        ("backoff.py", "min(failures - 1, EXPONENT_MAX)", "min(failures, EXPONENT_MAX)"),
    ),
    wrong(
        89,
        "Waits never become shorter again.",
        "test_backoff.py::test_a_healthy_spell_is_one_as_long_as_the_option_says",
        ("backoff.py", "    return 1 if up_s >= backoff.healthy_s else before + 1\n", "    return before + 1\n"),
    ),
    wrong(
        90,
        "A child with a backoff comes back at once.",
        "test_backoff.py::test_a_child_comes_back_only_after_its_wait[loop]",
        (
            "guardian.py",
            "        if child.spec.backoff is None:\n            self._bring_back(child)\n",
            "        if True:\n            self._bring_back(child)\n",
        ),
    ),
    wrong(
        91,
        "A child that gave up alone is never tried again.",
        "test_supervision.py::test_a_child_that_gives_up_alone_is_tried_again_later_and_costs_its_siblings_nothing",
        ("guardian.py", "                child.retry_timer = self.send_after(GIVE_UP_RETRY_S, _TryAgain(child))\n", ""),
    ),
    wrong(
        92,
        "A decider's class does not stand for its subclasses.",
        "test_promises.py::test_a_resumed_error_fails_its_message_and_the_state_lives_on",
        ("decider.py", "        if isinstance(error, error_class):\n", "        if type(error) is error_class:\n"),
    ),
    wrong(
        93,
        "An exception that is decided to stop its actor brings it back.",
        "test_promises.py::test_a_decider_stops_a_child_or_escalates[stop]",
        ("guardian.py", '        if directive != "stop" and needs_restart(', "        if needs_restart("),
    ),
    wrong(
        94,
        "An exception that is decided to escalate is a restart like any other.",
        "test_promises.py::test_a_decider_stops_a_child_or_escalates[escalate]",
        ("guardian.py", '        if directive == "escalate":\n            self._give_up(child)\n', ""),
    ),
    wrong(
        95,
        "A hung incarnation may owe one sign of life more than its heartbeat says.",
        "test_promises.py::test_an_incarnation_that_owes_too_many_signs_of_life_is_replaced",
        (
            "heartbeat.py",
            "            if self._missed >= self._missed_max:\n",
            "            if self._missed > self._missed_max:\n",
        ),
    ),
    wrong(
        96,
        "A sign of life leaves the missed ones owed.",
        "test_promises.py::test_a_sign_of_life_pays_for_all_that_were_missed",
        ("heartbeat.py", "        self._missed = 0\n        self._asked = self", "        self._asked = self"),
    ),
    wrong(
        97,
        "A message may end four incarnations in a row.",
        "test_promises.py::test_a_message_that_ended_three_incarnations_in_a_row_is_refused[loop]",
        (
            "dead_letters.py",
            "            if self._deaths < DEATHS_MAX:\n",
            "            if self._deaths <= DEATHS_MAX:\n",
        ),
    ),
    wrong(
        98,
        "A message stays suspect though an incarnation ended for another reason meanwhile.",
        "test_promises.py::test_an_end_for_another_reason_clears_a_message_of_suspicion[loop]",
        ("incarnation.py", "            self._suspects.acquit()\n", "            pass\n"),
    ),
    wrong(
        99,
        "Personal fields are told with a crash.",
        "test_promises.py::test_the_message_of_a_crash_is_told_without_anything_personal[loop]",
        ("flight_recorder.py", "{HIDDEN if name in hidden else _short(value, depth)}", "{_short(value, depth)}"),
    ),
    wrong(
        100,
        "A drain leaves undone what waits.",
        "test_promises.py::test_a_drained_actor_works_off_what_waits_and_takes_no_more",
        (
            "incarnation.py",
            "    def _may_drain(self) -> bool:\n",
            "    def _may_drain(self) -> bool:\n        return False\n",
        ),
    ),
    wrong(
        101,
        "An actor that is drained takes new messages.",
        "test_promises.py::test_a_drained_actor_works_off_what_waits_and_takes_no_more",
        ("incarnation.py", "                self.mailbox.refuse_more(order.exit_reason)\n", ""),
    ),
    wrong(
        102,
        "A drain has no end.",
        "test_promises.py::test_a_drain_ends_with_its_time",
        (
            "work.py",
            "        if self._draining is not None and now_s >= self.system.drain_until_s:\n",
            "        if False:\n",
        ),
    ),
)

STOCK: tuple[WrongRule, ...] = (
    wrong(
        103,
        "pykka's stop on a stock child is an end like any other, and the child comes back.",
        "test_promises.py::test_a_stop_of_a_stock_child_is_by_hand",
        ("stock.py", " if exit_reason is SHUTDOWN and self.context.supervisor is not None:", " if False:"),
    ),
    wrong(
        104,
        "A stock child has started though its on_start raised.",
        "test_promises.py::test_a_stock_child_whose_on_start_raises_does_not_start",
        (
            "stock.py",
            "        await begun\n",
            "",
        ),
    ),
    wrong(
        105,
        "A stock child that crashes looks as if it had finished by request.",
        "test_promises.py::test_a_stock_child_is_called_by_name_and_brought_back_after_a_crash",
        (
            "stock.py",
            "        self.tell_info(_StockEnded(exit_reason))\n",
            "        self.tell_info(_StockEnded(SHUTDOWN))\n",
        ),
    ),
    wrong(
        106,
        "A call that fails ends a stock child.",
        "test_promises.py::test_a_stock_child_outlives_a_failing_call",
        (
            "stock.py",
            "        self._stock.actor_inbox.put(Envelope(message, reply_to))\n",
            (
                "        self._stock.actor_inbox.put(Envelope(message, reply_to))\n"
                "        reply_to.on_settled(lambda: reply_to._error and self._stock_ended(crash(reply_to._error)))\n"
            ),
        ),
    ),
    wrong(
        107,
        "A killed stock child handles what waits.",
        "test_promises.py::test_a_killed_stock_child_loses_its_name_finishes_its_message_and_handles_no_other",
        ("stock.py", "        stock_actor = self._stock\n", "        stock_actor: Any = None\n"),
    ),
)

TROUBLE = (
    wrong(
        110,
        "A caller whose handler returns in the middle of a kill is told nothing.",
        "test_trouble.py::test_a_kill_tells_the_caller_of_a_handler_that_returns_before_the_kill_is_done",
        (
            "work.py",
            "        if self._ended is not None:\n            # Killed while a",
            "        if False:\n            # Killed while a",
        ),
    ),
    wrong(
        111,
        "A patient call is sent again as often as somebody says that it was not begun.",
        "test_trouble.py::test_a_patient_call_that_two_threads_call_unbegun_is_sent_again_once[thread]",
        (
            "system.py",
            "            self._unfailed.pop()\n        except IndexError:\n            return\n",
            "            self._unfailed.pop()\n        except IndexError:\n            pass\n",
        ),
    ),
    wrong(
        112,
        "A caller's callback that raises ends who answered.",
        "test_trouble.py::test_a_caller_s_callback_that_raises_disturbs_neither_who_answers_nor_who_waits[thread]",
        (
            "reply.py",
            "            except BaseException as error:  # noqa: BLE001  (the caller's own mistake)\n",
            "            except MemoryError as error:\n",
        ),
    ),
    wrong(
        113,
        "A message that a supervisor does not know ends it and its children.",
        "test_trouble.py::test_a_cast_to_a_supervisor_is_dropped_and_told[thread]",
        (
            "guardian.py",
            "        self._drop(message)\n\n    def handle_info",
            "        super().handle_cast(message)\n\n    def handle_info",
        ),
    ),
    wrong(
        114,
        "A bad operation by hand ends the supervisor.",
        "test_trouble.py::test_a_bad_operation_by_hand_is_answered_and_touches_no_child",
        (
            "guardian.py",
            "        except Exception as error:  # noqa: BLE001  (see above)\n",
            "        except MemoryError as error:\n",
        ),
    ),
    wrong(
        115,
        "The beats that a busy actor missed wait for it, all of them.",
        "test_trouble.py::test_a_busy_actor_finds_one_beat_of_an_interval_not_all_it_missed[thread]",
        ("actor.py", "            if last.handed_on:\n", "            if True:\n"),
    ),
    wrong(
        116,
        "An error without words makes an actor that neither lives nor ends.",
        "test_trouble.py::test_an_error_without_words_is_a_crash_like_any_other",
        (
            "exits.py",
            "        text = str(error)\n    except BaseException:",
            "        text = str(error)\n    except MemoryError:",
        ),
    ),
)

RULES = (*CALLS, *LIFE, *BEYOND, *STOCK, *TROUBLE)
