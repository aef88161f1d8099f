# SPDX-License-Identifier: MIT
# cmake -D FOLDER=... -D OUT=... -P embed.cmake: the files of the bundle as bytes in a C++ source, so
# that the program needs no installed data.
set(definitions "")
set(entries "")
set(number 0)
foreach(name index.html app.js app.css)
  file(READ ${FOLDER}/${name} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(REGEX REPLACE "('....',){24}" "\\0\n" bytes "${bytes}")
  string(APPEND definitions "constexpr char kFile${number}[] = {${bytes}};\n")
  string(APPEND entries "    {\"${name}\", {kFile${number}, sizeof kFile${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// SPDX-License-Identifier: MIT
#include \"analysis/site/site.hpp\"

namespace notifier::site {
namespace {
${definitions}
constexpr BundleFile kFiles[] = {
${entries}};
}  // namespace

std::span<const BundleFile> bundle_files() { return kFiles; }

}  // namespace notifier::site
")
