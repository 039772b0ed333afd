"""What languages.py measures and compares: the subjects, which of them are measured in turns, and the targets.
Owns names and numbers only; must not know how anything is measured."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]
Target = Optional[Tuple[str, float]]  # ("at_most" or "at_least", limit)

CPP, C, CSHARP, PYTHON = "cpp", "c", "csharp", "python"
ALONE = {"read_release", "read_array"}  # in one process

FAMILIES = {"rtt64": "rtt", "stream64": "one_way", "one_way64": "one_way", "frame6m": "frames", "call64": "calls", "read": "cost"}
UNITS = {"rtt": "ns", "one_way": "M/s", "frames": "GB/s", "calls": "ns", "cost": "ns"}
PARAMETERS: Dict[str, Json] = {
    "rtt64": {"message_bytes": 64, "ring_bytes": 1 << 20},
    "stream64": {"message_bytes": 64, "ring_bytes": 1 << 20},
    "one_way64": {"message_bytes": 64},
    "frame6m": {"frame_bytes": 1920 * 1080 * 3, "in_flight": 3},
    "call64": {"message_bytes": 64},
    "read": {"message_bytes": 64, "waiting_frames": 200},
}
BATCHES: Dict[str, Json] = {"stream64_batch16": {"batch": 16}, "stream64_batch": {"batch": 1024}}


@dataclass(frozen=True)
class Subject:
    """One figure: a workload of a system in a language. The C++ ones, but for the single costs, are those of `zerobuffer bench`."""

    workload: str  # as a side is told, for peers with the name of the system
    language: str
    system: str = "zerobuffer"

    @property
    def name(self) -> str:
        """Unique in all results. Peers have the system's name in the workload."""
        ours = self.system == "zerobuffer" and self.language != CPP
        return f"{self.workload}_{self.language}" if ours else self.workload

    @property
    def stem(self) -> str:
        return self.workload.split("_")[0] if self.workload[:7] != "one_way" else "one_way64"

    @property
    def family(self) -> str:
        return FAMILIES[self.stem]

    @property
    def unit(self) -> str:
        return UNITS[self.family]

    @property
    def parameters(self) -> Json:
        return {**PARAMETERS[self.stem], **BATCHES.get(self.workload, {})}

    @property
    def alone(self) -> bool:
        return self.workload in ALONE

    @property
    def team(self) -> str:
        """Which processes measure it."""
        if self.system != "zerobuffer" and self.language == PYTHON:
            return "python_peers"
        if self.language == CPP:
            return "costs" if self.alone else "bench"
        return self.language


@dataclass(frozen=True)
class Comparison:
    """The quotient of two subjects of a step; or their difference, for costs beside each other."""

    ours: Subject
    other: Subject
    target: Target = None

    @property
    def difference(self) -> bool:
        return self.ours.family == "cost"

    @property
    def ratio(self) -> str:
        other = self.other.language if self.other.system == "zerobuffer" else self.other.system
        return f"{self.ours.name}_beyond_{other}_ns" if self.difference else f"{self.ours.name}_over_{other}"


@dataclass(frozen=True)
class Step:
    """Subjects that are measured directly one after the other in each repetition, in an order that alternates."""

    subjects: List[Subject]
    comparisons: List[Comparison] = field(default_factory=list)

    @property
    def with_bench(self) -> bool:
        """`zerobuffer bench` measures a median of several halves at a time; so do the others beside it then."""
        return any(subject.team == "bench" for subject in self.subjects)


OVER_CPP: Dict[str, Dict[str, Target]] = {
    "rtt64": {C: None, CSHARP: ("at_most", 2.0), PYTHON: None},
    "stream64": {C: None, CSHARP: None, PYTHON: None},
    "stream64_batch16": {C: None, CSHARP: None, PYTHON: None},
    "stream64_batch": {C: None, CSHARP: ("at_least", 0.5), PYTHON: ("at_least", 0.5)},
    "frame6m_read": {C: None, CSHARP: ("at_least", 0.9), PYTHON: None},
    "call64": {CSHARP: None, PYTHON: None},
    "call64_in_place": {CSHARP: None, PYTHON: None},
}
# What reading and giving back a waiting frame costs beyond C++, in nanoseconds.
BEYOND_CPP: List[Tuple[str, str, Target]] = [
    ("read_release", C, None),
    ("read_release", CSHARP, ("at_most", 30.0)),
    ("read_release", PYTHON, ("at_most", 300.0)),
    ("read_array", PYTHON, ("at_most", 1000.0)),
]
# Ours, and who must not be ahead of it in the same language.
PEERS: Dict[str, Dict[str, List[str]]] = {
    PYTHON: {
        "rtt64": ["rtt64_multiprocessing_pipe", "rtt64_multiprocessing_queue", "rtt64_shared_memory", "rtt64_pyzmq"],
        "stream64": [
            "one_way64_multiprocessing_pipe", "one_way64_multiprocessing_queue", "one_way64_shared_memory", "one_way64_pyzmq",
        ],
        "frame6m_read": ["frame6m_read_shared_memory", "frame6m_read_pyzmq"],
        "frame6m_copy": [
            "frame6m_copy_multiprocessing_pipe", "frame6m_copy_multiprocessing_queue", "frame6m_copy_shared_memory",
        ],
    },
    CSHARP: {
        "rtt64": ["rtt64_named_pipe", "rtt64_mapped_file"],
        "stream64": ["one_way64_named_pipe", "one_way64_mapped_file"],
        "frame6m_read": ["frame6m_read_mapped_file"],
        "frame6m_copy": ["frame6m_copy_named_pipe", "frame6m_copy_mapped_file"],
    },
}
SYSTEMS = ("multiprocessing_pipe", "multiprocessing_queue", "shared_memory", "pyzmq", "named_pipe", "mapped_file")


def peer(workload: str, language: str) -> Subject:
    return Subject(workload, language, next(system for system in SYSTEMS if workload.endswith(f"_{system}")))


def steps_over_cpp() -> List[Step]:
    steps = []
    for workload, targets in OVER_CPP.items():
        cpp = Subject(workload, CPP)
        comparisons = [Comparison(Subject(workload, language), cpp, target) for language, target in targets.items()]
        steps.append(Step([cpp, *(comparison.ours for comparison in comparisons)], comparisons))
    return steps


def step_of_costs() -> Step:
    cpp = Subject("read_release", CPP)
    comparisons = [Comparison(Subject(workload, language), cpp, target) for workload, language, target in BEYOND_CPP]
    return Step([cpp, *(comparison.ours for comparison in comparisons)], comparisons)


def steps_with_peers() -> List[Step]:
    steps = []
    for language, workloads in PEERS.items():
        for workload, others in workloads.items():
            ours = Subject(workload, language)
            target: Target = ("at_most", 1.0) if ours.unit == "ns" else ("at_least", 1.0)
            steps += [Step([ours, other], [Comparison(ours, other, target)]) for other in (peer(name, language) for name in others)]
    return steps


def all_steps() -> List[Step]:
    return [*steps_over_cpp(), step_of_costs(), *steps_with_peers()]


def reduced(step: Step, languages: List[str], only: List[str], groups: List[str]) -> Optional[Step]:
    """What is left of a step: `only` names subjects (then what they are compared with stays too), workloads or ratios."""
    comparisons = [
        comparison for comparison in step.comparisons
        if comparison.ours.language in languages
        and (not groups or comparison.ours.family in groups)
        and (not only or {comparison.ours.name, comparison.ours.workload, comparison.other.name, comparison.ratio} & {*only})
    ]
    subjects = [subject for subject in step.subjects if any(subject in (c.ours, c.other) for c in comparisons)]
    return Step(subjects, comparisons) if comparisons else None
