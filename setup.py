"""Builds the extension module zerobuffer._core by the project's own CMake.

Owns how setuptools calls CMake and where the module goes; must not know a single source file. Everything else about the
package stands in pyproject.toml.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


def find_cmake() -> str:
    cmake = shutil.which("cmake")
    if cmake is None:
        sys.exit("ZeroBuffer: CMake was not found. On Debian or Ubuntu install it with: apt-get install cmake")
    return cmake


def pybind11_arguments() -> list[str]:
    """Where an installed Python package brings pybind11's CMake files, use those; otherwise CMake looks for itself."""
    try:
        import pybind11

        return [f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"]
    except ImportError:
        return []


class CMakeBuild(build_ext):
    def build_extension(self, ext: Extension) -> None:
        cmake = find_cmake()
        build = Path(self.build_temp).resolve() / "cmake"
        module = Path(self.get_ext_fullpath(ext.name)).resolve()
        configure = [
            cmake,
            "-S", str(ROOT),
            "-B", str(build),
            f"-DCMAKE_BUILD_TYPE={'Debug' if self.debug else 'Release'}",
            f"-DPython_EXECUTABLE={sys.executable}",
            "-DZEROBUFFER_BUILD_PYTHON=ON",
            "-DZEROBUFFER_BUILD_TESTS=OFF",
            "-DZEROBUFFER_BUILD_C=OFF",
            "-DZEROBUFFER_BUILD_CLI=OFF",
            "-DZEROBUFFER_INSTALL=OFF",
            *pybind11_arguments(),
        ]
        if "CMAKE_GENERATOR" not in os.environ and shutil.which("ninja") is not None:
            configure += ["-G", "Ninja"]
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(len(os.sched_getaffinity(0))))
        try:
            subprocess.run(configure, check=True)
            subprocess.run([cmake, "--build", str(build), "--target", "_core", "--parallel", jobs], check=True)
        except subprocess.CalledProcessError as error:
            sys.exit(f"ZeroBuffer: building the core failed ({error.cmd[0]} ended with {error.returncode}); the reason stands above")
        built = list((build / "python").glob("_core*.so"))
        if len(built) != 1:
            sys.exit(f"ZeroBuffer: expected one module in {build / 'python'}, found {[path.name for path in built]}")
        module.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(built[0], module)


setup(ext_modules=[Extension("zerobuffer._core", sources=[])], cmdclass={"build_ext": CMakeBuild})
