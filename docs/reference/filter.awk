# SPDX-License-Identifier: MIT
# For Doxygen: a comment that begins a line, or follows a member, says what stands behind or before it; the first is the
# file's. What is within a function is not the reference's.
/SPDX-License-Identifier/ { print; next }
/^\/\*/ && !file { file = 1; sub(/^\/\*/, "/** @file\n *"); print; next }
/^[^ #\/].*\) (const )?\{$/ { body = 1 }
!body && /^ *\/\*/ { sub(/\/\*/, "/**") }
!body && /[;,{] *\/\* / && !/^ *\/\*/ { sub(/\/\* /, "/**< ") }
/^}/ { body = 0 }
{ print }
