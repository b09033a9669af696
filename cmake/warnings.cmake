# SPDX-License-Identifier: MIT
# thrum_warnings(target [FLAG...]): the warnings under which all of thrum compiles, gcc and clang, and
# more for those that can bear them.
function(thrum_warnings target)
    set(both -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wpointer-arith -Wwrite-strings ${ARGN})
    set(only_c -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
    target_compile_options(${target} PRIVATE ${both} "$<$<COMPILE_LANGUAGE:C>:${only_c}>"
                                             $<$<BOOL:${THRUM_WERROR}>:-Werror>)
endfunction()
