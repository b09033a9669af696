// SPDX-License-Identifier: MIT
// The word types in C++: the C tests once more, compiled as C++, and what only C++ can ask.
#include "atomic_test.c"

#include <type_traits>

TEST(every_operation_does_in_cxx_what_it_does_in_c) {
    test_body_a_load_gives_the_value_and_leaves_it();
    test_body_a_store_replaces_the_value();
    test_body_an_exchange_replaces_the_value_and_gives_the_one_before();
    test_body_a_compare_and_swap_writes_when_the_value_is_the_expected_one();
    test_body_a_compare_and_swap_that_fails_tells_what_it_saw_and_writes_nothing();
    test_body_fetch_add_adds_and_gives_the_value_before();
    test_body_fetch_sub_subtracts_and_gives_the_value_before();
    test_body_fetch_or_sets_bits_and_gives_the_value_before();
    test_body_fetch_and_keeps_bits_and_gives_the_value_before();
    test_body_fetch_xor_flips_bits_and_gives_the_value_before();
    test_body_adding_wraps_at_the_end_of_the_type();
}

TEST(the_layout_in_cxx_is_the_one_in_c) {
    static_assert(std::is_standard_layout<thrum_u32>::value && std::is_standard_layout<thrum_u64>::value,
                  "a word is the same object in C");
    static_assert(std::is_trivially_copyable<thrum_u32>::value &&
                      std::is_trivially_copyable<thrum_u64>::value,
                  "a word is the same object in C");
    static_assert(alignof(thrum_u32) == 4 && alignof(thrum_u64) == 8, "a word never straddles cache lines");
    test_body_a_word_is_the_plain_word_in_memory();
}

TEST(threads_lose_no_change_in_cxx) {
    test_body_threads_lose_no_change();
}

TEST(a_release_publishes_to_an_acquire_in_cxx) {
    test_body_a_release_publishes_to_an_acquire();
}
