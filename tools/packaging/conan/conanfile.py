# SPDX-License-Identifier: MIT
from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout


class Thrum(ConanFile):
    name = "thrum"
    version = "0.1.0"
    license = "MIT"
    description = "Synchronisation primitives for C11 on Linux, after Python's threading"
    topics = ("threads", "locks", "futex", "rcu", "queues")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "core_only": [True, False]}
    default_options = {"shared": False, "core_only": False}
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*", "docs/man/*", "tools/thrum*"
    languages = "C"

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        if not self.options.core_only:
            self.requires("userspace-rcu/[>=0.13]")

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["THRUM_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["THRUM_STATIC"] = not self.options.shared
        toolchain.cache_variables["THRUM_CORE_ONLY"] = bool(self.options.core_only)
        toolchain.cache_variables["THRUM_PTHREAD"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        core = self.cpp_info.components["core"]
        core.libs = ["thrum-core"]
        core.set_property("cmake_target_name", "thrum::core")
        core.set_property("pkg_config_name", "thrum-core")
        if not self.options.core_only:
            whole = self.cpp_info.components["thrum"]
            whole.libs = ["thrum"]
            whole.requires = ["core", "userspace-rcu::userspace-rcu"]
            whole.system_libs = ["pthread"]
            whole.set_property("cmake_target_name", "thrum::thrum")
            whole.set_property("pkg_config_name", "thrum")
