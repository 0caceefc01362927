"""Faults of the system before this one, by number: which tests would fail if one came back.

Numbers are those of the list that the requirements came with; a "tenant" there is a school here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NUMBERS = (*range(1, 48), 122, 123)

COVERED = {
    # Trust and safety.
    1: ("web/test_bad_input what_cannot_be_accepted_is_422_with_the_fields_name",
        "store/test_trust_safety what_can_not_be_stored_is_refused_and_nothing_crashes"),
    2: (
        "unit/test_domain_evaluate an_attempt_of_which_nothing_is_known_is_allowed",
        "unit/test_domain_canonical a_word_for_no_device_is_no_device",
        "store/test_faults_by_number fault_002_checks_without_device_and_address_end_nobody",
    ),
    3: ("store/test_housekeeping a_device_has_any_number_of_flags",
        "unit/test_domain_consent a_second_row_of_a_child_is_no_error"),
    4: ("store/test_people the_first_signal_of_a_user_nobody_knows_is_kept",),
    5: ("unit/test_domain_score one_reporter_alone_never_denies_however_often_they_report",
        "unit/test_domain_score a_report_fades_and_is_gone_after_its_time"),
    6: ("store/test_policies a_loaded_policy_decides_from_its_answer_on",
        "store/test_policies every_switch_is_in_the_audit_with_its_author_and_reason"),
    7: ("unit/test_domain_evaluate the_tiers_lead_from_a_note_to_a_refusal",),
    8: ("unit/test_domain_duplicates others_on_the_device_or_from_the_address_within_a_day_are_found",),
    9: ("unit/test_domain_duplicates without_a_device_and_an_address_there_is_no_verdict",),
    10: ("store/test_housekeeping a_signup_attempt_may_lack_device_and_address",
         "store/test_trust_safety the_book_of_signups_is_refilled_with_admitted_signups_only"),
    11: ("unit/test_domain_evaluate the_sixth_share_in_five_minutes_is_a_duplicate",),
    12: (
        "unit/test_domain_duplicates a_users_own_retry_is_no_duplicate",
        "unit/test_domain_windows looking_takes_nothing",
        "web/test_idempotency_http a_repeated_request_gets_the_same_bytes_and_is_decided_once",
        "store/test_faults_by_number fault_012_a_refused_check_makes_nobody_s_next_one_a_duplicate",
    ),
    13: ("unit/test_domain_evaluate a_second_signup_on_a_device_and_a_fourth_from_an_address_are_duplicates",
         "unit/test_domain_day no_pupil_behind_an_allowed_address_is_denied"),
    14: (
        "unit/test_domain_evaluate an_attempt_of_which_nothing_is_known_is_allowed",
        "store/test_faults_by_number fault_014_a_signup_needs_no_user_that_exists",
    ),
    15: ("unit/test_domain_evaluate a_refusal_for_another_reason_takes_every_place",),
    16: ("unit/test_domain_windows no_span_of_one_window_ever_holds_more_than_the_limit",
         "unit/test_domain_evaluate reading_has_windows_of_its_own"),
    17: ("unit/test_domain_windows the_clean_up_drops_the_dead_within_its_budget_and_leaves_the_living",),
    18: (
        "store/test_decisions a_start_gets_every_live_block_and_allow",
        "store/test_trust_safety a_block_is_in_memory_when_its_author_is_told_and_after_a_fresh_start",
        "store/test_faults_by_number fault_018_every_kind_of_block_is_there_again_after_a_new_start",
    ),
    19: ("unit/test_domain_blocks a_key_is_found_by_its_own_kind_only",
         "unit/test_domain_canonical a_number_and_its_decimal_text_are_one_user_and_other_texts_are_themselves"),
    20: ("store/test_access lifting_frees_the_thing_and_keeps_the_history",
         "unit/test_domain_blocks a_row_ends_at_its_instant_and_is_cleaned_up_later"),
    21: ("store/test_reviews ten_reports_of_one_reporter_block_nobody_and_weigh_as_one_source",
         "store/test_reviews what_somebody_trusted_calls_high_blocks_at_once_until_it_is_overturned"),
    22: ("store/test_reviews reports_of_several_are_looked_at_before_they_refuse",),
    23: ("unit/test_domain_canonical a_word_for_no_device_is_no_device",),
    24: (
        "store/test_reviews what_was_reported_is_there_again_after_a_crash_and_a_new_start",
        "unit/test_telemetry_writing personal_keys_are_hidden_wherever_they_stand",
        "end_to_end/test_review_verbs a_report_of_child_safety_pages_and_only_who_may_reads_it_and_that_is_logged",
    ),
    25: (
        "unit/test_redaction_corpus names_that_are_supplied_are_hidden_however_they_are_written",
        "property/test_redaction the_output_has_no_known_name",
        "unit/test_redaction_of_written_texts supplied_names_of_any_script_are_hidden_in_every_spelling",
    ),
    26: (
        "unit/test_redaction_corpus phone_numbers_are_hidden_with_few_exceptions",
        "unit/test_redaction_corpus every_social_security_number_is_hidden",
        "unit/test_redaction_of_written_texts every_email_address_is_hidden_in_every_spelling",
        "unit/test_redaction_of_written_texts every_social_security_number_is_hidden_in_every_spelling",
        "unit/test_redaction_of_written_texts phone_numbers_are_hidden_in_every_spelling_with_few_exceptions",
        "unit/test_redaction_of_written_texts numbers_that_are_nobodys_survive",
    ),
    27: (
        "unit/test_domain_ages only_a_known_adult_is_an_adult",
        "web/test_redactions_http the_age_comes_from_the_record_and_who_may_be_a_child_is_protected",
        "unit/test_domain_ages a_band_changes_on_the_birthday_and_for_leap_days_on_1_march",
        "unit/test_domain_ages a_stated_band_ages_as_the_youngest_whom_it_allows",
    ),
    28: (
        "unit/test_domain_matrix every_shipped_action_is_refused_exactly_where_its_cell_asks_for_consent",
        "unit/test_domain_evaluate an_education_record_leaves_only_by_a_consent_that_names_it",
        "unit/test_domain_matrix each_cell_is_as_the_law_or_the_product_has_it",
    ),
    29: ("unit/test_domain_consent each_method_shows_its_evidence",
         "store/test_people any_number_of_consents_of_one_child_stand_side_by_side"),
    30: (
        "store/test_journal who_waits_longer_than_the_deadline_is_told_so_and_may_be_recorded_once",
        "store/test_trust_safety an_adopted_memory_answers_at_once_while_the_reader_is_away",
    ),
    31: (
        "store/test_trust_safety the_book_of_signups_is_refilled_with_admitted_signups_only",
        "store/test_faults_by_number fault_031_what_else_somebody_does_on_a_device_is_no_signup",
    ),
    32: ("web/test_routes_http a_decision_is_shown_whole",),
    # Middleware, limits, schools, authorisation.
    33: (
        "web/test_declared_routes nothing_is_served_beside_a_route_that_leaves_out_what_it_must_declare",
        "web/test_faults_by_number_http fault_033_every_route_asks_for_a_key_by_its_own_declaration",
    ),
    34: (
        "web/test_keys_http a_key_that_is_missing_wrong_or_unknown_is_401",
        "web/test_faults_by_number_http fault_034_neither_a_session_nor_a_cookie_stands_for_a_key",
    ),
    35: ("web/test_client_address the_right_most_hop_that_no_proxy_vouches_for_is_the_client",),
    36: (
        "unit/test_domain_canonical an_ipv4_address_stands_for_itself_and_an_ipv6_address_for_its_64",
        "web/test_client_address whatever_somebody_untrusted_sends_they_are_who_they_are",
    ),
    37: (
        "store/test_disclosures a_guardian_s_rights_end_at_eighteen_and_a_stranger_is_told_nothing_else",
        "end_to_end/test_on_behalf_of a_parent_sees_their_own_child_s_record_and_nobody_else_s",
    ),
    38: (
        "unit/test_domain_matrix every_shipped_action_is_refused_exactly_where_its_cell_asks_for_consent",
        "web/test_faults_by_number_http fault_038_an_action_is_its_whole_name_and_never_a_part_of_one",
    ),
    39: ("web/test_refusals_http a_full_limit_is_429_with_whole_seconds_and_never_none",
         "unit/test_domain_reasons the_words_to_a_user_never_say_how_they_were_caught"),
    40: ("unit/test_domain_evaluate reading_has_windows_of_its_own",),
    41: (
        "unit/test_domain_windows a_flood_of_fresh_keys_evicts_nobody_and_frees_nobody",
        "store/test_faults_by_number fault_041_who_sends_neither_device_nor_school_is_limited_by_their_own_count",
    ),
    42: (
        "end_to_end/test_limits_under_load of_two_hundred_checks_at_once_on_a_limit_of_ten_exactly_ten_are_let_through",
    ),
    43: (
        "unit/test_domain_windows the_eleventh_finds_no_place_and_the_first_comes_free_one_millisecond_past_the_window",
    ),
    44: ("web/test_quotas a_wait_is_rounded_up_and_at_least_a_second",),
    45: (
        "store/test_disclosures a_guardian_counts_once_confirmed_and_staff_at_their_own_school",
        "web/test_faults_by_number_http fault_045_no_header_says_which_school_somebody_belongs_to",
    ),
    46: (
        "web/test_declared_routes every_route_about_people_touches_something_and_needs_a_key",
        "web/test_faults_by_number_http fault_046_a_key_that_may_only_check_opens_nothing_of_operators",
    ),
    47: (
        "web/test_idempotency_http a_key_is_made_used_and_revoked_and_its_secret_is_kept_nowhere",
        "web/test_faults_by_number_http fault_047_every_folder_makes_secrets_of_its_own_for_its_owner_alone",
        "web/test_faults_by_number_http fault_047_nothing_starts_without_the_secret_under_which_keys_were_made",
        "web/test_faults_by_number_http fault_047_no_secret_has_a_value_that_is_shipped",
    ),
    # Retention and audit.
    122: (
        "store/test_database_actor ticks_renew_the_node_make_partitions_and_purge_old_answers",
        "store/test_reviews child_safety_has_a_queue_of_its_own_and_its_evidence_is_held_for_more_than_a_year",
        "unit/test_timetable ticks_of_the_day_are_due_by_the_clock_of_utc",
    ),
    123: ("store/test_housekeeping no_details_are_ever_refused",
          "store/test_housekeeping an_act_with_personal_keys_is_written_without_them"),
}  # fmt: skip


def test_every_fault_of_the_list_is_covered() -> None:
    assert tuple(COVERED) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_what_covers_a_fault_is_there(number: int) -> None:
    for test in COVERED[number]:
        file, name = test.split()
        source = (TESTS / f"{file}.py").read_text()
        assert re.search(rf"^def test_{name}\(", source, re.MULTILINE), test
