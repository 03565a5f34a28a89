"""What the JSON files of rebalance hold: a type for each record, and a sentence for each key.

These types are the one place where the keys stand. Writers build them and readers read through
them, and the JSON Schemas in ``rebalance.schemas`` and docs/records.md are derived from them. May
import the standard library only, so that any script can afford it.
"""

from rebalance.records.inspection import FindingRecord, FoundImage, InspectionRecord
from rebalance.records.manifest import (
    ClassStory,
    Counts,
    CoverFigures,
    CoverRecord,
    ExtractorRecord,
    ImbalanceRatio,
    ManifestRecord,
    SourceRecord,
    SuspectRecord,
    UnreadableRecord,
)
from rebalance.records.run import (
    CentresRecord,
    ClassScores,
    DecisionRecord,
    GapRecord,
    HeadRecord,
    MetricsRecord,
    NetworkRecord,
    RuleRecord,
    RunOptionsRecord,
    RunRecord,
    ScoresRecord,
    ShotGroup,
    ShotGroups,
    TrainingSource,
)
from rebalance.records.study import (
    DefinitionRecord,
    DifferenceRecord,
    LossRecord,
    OutcomeRecord,
    RowRecord,
    StoryRecord,
    StudyRecord,
    SummaryRecord,
    TreatmentDefinition,
    TreatmentRecord,
)

__all__ = [
    "CentresRecord",
    "ClassScores",
    "ClassStory",
    "Counts",
    "CoverFigures",
    "CoverRecord",
    "DecisionRecord",
    "DefinitionRecord",
    "DifferenceRecord",
    "ExtractorRecord",
    "FindingRecord",
    "FoundImage",
    "GapRecord",
    "HeadRecord",
    "ImbalanceRatio",
    "InspectionRecord",
    "LossRecord",
    "ManifestRecord",
    "MetricsRecord",
    "NetworkRecord",
    "OutcomeRecord",
    "RowRecord",
    "RuleRecord",
    "RunOptionsRecord",
    "RunRecord",
    "ScoresRecord",
    "ShotGroup",
    "ShotGroups",
    "SourceRecord",
    "StoryRecord",
    "StudyRecord",
    "SummaryRecord",
    "SuspectRecord",
    "TrainingSource",
    "TreatmentDefinition",
    "TreatmentRecord",
    "UnreadableRecord",
]
