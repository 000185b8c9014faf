"""The options of a run beyond its tolerance, built from `PruneConfig`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.evaluation import COMPENSATIONS, METRICS
from pruner_gui.gui import text
from pruner_gui.gui.layer_limits import LayerLimits
from pruner_gui.gui.step_list import StepList
from pruner_gui.pruning import (
    BASELINES,
    COMPARISONS,
    ORDERS,
    PRESETS,
    RANKINGS,
    SCOPES,
    BadSetting,
    PruneConfig,
    Tolerance,
)


def _names() -> dict[str, str]:
    """What the codes of the configuration are called."""
    tr = QCoreApplication.translate
    return {
        "selective": tr("prune_form", "Selective (default)"),
        "heaton-2008": tr("prune_form", "Heaton 2008, as intended"),
        "heaton-2005": tr("prune_form", "Heaton 2005"),
        "original": tr("prune_form", "the original network"),
        "current": tr("prune_form", "the network of now"),
        "absolute": tr("prune_form", "nothing: it is a ceiling"),
        "le": tr("prune_form", "rise at most the tolerance"),
        "lt": tr("prune_form", "rise below the tolerance"),
        "abs": tr("prune_form", "change at most the tolerance"),
        "index": tr("prune_form", "input side to output side"),
        "least-harm": tr("prune_form", "least harm first"),
        "random": tr("prune_form", "random"),
        "none": tr("prune_form", "nothing (the textbook)"),
        "mean": tr("prune_form", "its mean"),
        "refit": tr("prune_form", "a refit of the other neurons"),
        "magnitude": tr("prune_form", "size of the weight |w|"),
        "contribution": tr("prune_form", "contribution |w| · rms(input)"),
        "saliency": tr("prune_form", "expected rise of the error"),
        "all": tr("prune_form", "all layers together"),
        "layer": tr("prune_form", "layer by layer"),
    }


def _explanation(compensation: str) -> str:
    """What comes of a choice of what takes a neuron's place."""
    tr = QCoreApplication.translate
    sentences = {
        "none": tr("prune_form", "A neuron leaves nothing behind; all other weights stay as trained."),
        "mean": tr(
            "prune_form", "The next layer's biases take over the neuron's mean; the weights stay as trained."
        ),
        "refit": tr(
            "prune_form",
            "The others' outgoing weights take over what they can: many more neurons can go; compare the"
            " held-out error.",
        ),
    }
    return sentences[compensation]


class PruneForm(QWidget):
    """The form. Emits what the user changed as a new configuration; the first tolerance is not its matter."""

    changed = Signal(object)  # PruneConfig

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = PruneConfig()
        self.steps = StepList()
        self.preset = self._combo(PRESETS)
        self.main = self._metric_combo(self.tr("chosen by the outputs"))
        self.second = self._metric_combo(self.tr("none"))
        self.second_tolerance = QLineEdit()
        self.baseline = self._combo(BASELINES)
        self.comparison = self._combo(COMPARISONS)
        self.compensation = self._combo(COMPENSATIONS)
        self.explanation = QLabel()
        self.order = self._combo(ORDERS)
        self.ranking, self.scope = self._combo(RANKINGS), self._combo(SCOPES)
        self._form = QFormLayout()
        self.seed = QSpinBox()
        self.restart = QCheckBox(self.tr("after a removal begin again at the first"))
        self.layers = LayerLimits()
        self.reset = QPushButton(self.tr("Defaults"))
        self._build()
        self._connect()
        self.show_config(self._config)

    def show_config(self, config: PruneConfig) -> None:
        """Show a configuration; emits nothing."""
        self._config = config
        fields: list[QWidget] = [self.preset, self.main, self.second, self.second_tolerance, self.baseline]
        fields += [self.comparison, self.compensation, self.order, self.seed, self.restart, self.layers]
        fields += [self.ranking, self.scope]
        blockers = [QSignalBlocker(field) for field in fields]
        first, second = (*config.metrics, "", "")[:2]
        for combo, code in (
            (self.preset, preset_of(config)),
            (self.main, first),
            (self.second, second),
            (self.baseline, config.baseline),
            (self.comparison, config.comparison),
            (self.compensation, config.compensation),
            (self.order, config.order),
            (self.ranking, config.ranking),
            (self.scope, config.scope),
        ):
            combo.setCurrentIndex(combo.findData(code))
        self.explanation.setText(_explanation(config.compensation))
        self.seed.setValue(config.seed)
        self.restart.setChecked(config.restart)
        if len(config.tolerances) > 1:
            self.second_tolerance.setText(str(config.tolerances[1]))
        self.layers.show_config(config)
        self._enable()
        del blockers

    def set_layers(self, names: Sequence[str]) -> None:
        """Offer these hidden layers."""
        self.layers.set_layers(names)

    def _combo(self, codes: Any) -> QComboBox:
        combo, names = QComboBox(), _names()
        for code in codes:
            combo.addItem(names[code], code)
        return combo

    def _metric_combo(self, none: str) -> QComboBox:
        combo = QComboBox()
        combo.addItem(none, "")
        for name in METRICS:
            combo.addItem(text.metric(name), name)
        return combo

    def _build(self) -> None:
        self.preset.addItem(self.tr("Own settings"), "")
        self.seed.setRange(0, 2**31 - 1)
        self.second_tolerance.setPlaceholderText(self.tr("the same, or 2% or 0.01"))
        self.second_tolerance.setToolTip(self.tr("In percent of its original error (2%), or absolute (0.01)"))
        self._build_compensation()
        rows = (
            (self.tr("&Preset"), self.preset),
            (self.tr("&Error"), self.main),
            (self.tr("and a&lso"), self.second),
            (self.tr("wi&thin"), self.second_tolerance),
            (self.tr("Compared &with"), self.baseline),
            (self.tr("A&ccepts a"), self.comparison),
            (self.tr("Repl&aced by"), self.compensation),
            (self.tr("&Order"), self.order),
            (self.tr("Wea&kest by"), self.ranking),
            (self.tr("Taken &from"), self.scope),
            (self.tr("&Random seed"), self.seed),
            ("", self.restart),
            (self.tr("La&yers"), self.layers),
        )
        form = self._form
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(6)
        for name, field in rows:
            field.setAccessibleName(name.replace("&", "") or self.restart.text())
            label = QLabel(name)
            label.setBuddy(field)
            form.addRow(label, field)
            if field is self.compensation:
                form.addRow("", self.explanation)
            if isinstance(field, QComboBox):
                field.setMinimumContentsLength(12)
                field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.addWidget(self.steps)
        layout.addLayout(form)
        layout.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignRight)
        layout.addStretch(1)

    def _build_compensation(self) -> None:
        self.compensation.setToolTip(
            self.tr(
                "What the next layer reads in place of a neuron that goes.\n"
                "The error that is judged is the one after it."
            )
        )
        font = self.explanation.font()
        font.setPointSizeF(0.9 * font.pointSizeF())
        self.explanation.setFont(font)
        self.explanation.setObjectName("muted")
        self.explanation.setWordWrap(True)
        self.explanation.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Room for the longest, so that the fields below do not move with the choice.
        self.explanation.setMinimumHeight(3 * QFontMetrics(font).lineSpacing())

    def _connect(self) -> None:
        self.preset.activated.connect(self._preset_chosen)
        combos = (self.main, self.second, self.baseline, self.comparison, self.compensation, self.order)
        for combo in (*combos, self.ranking, self.scope):
            combo.activated.connect(self._edited)
        self.second_tolerance.editingFinished.connect(self._edited)
        self.seed.valueChanged.connect(self._edited)
        self.restart.toggled.connect(self._edited)
        self.layers.edited.connect(self._edited)
        self.reset.clicked.connect(lambda: self._take(self._based_on({})))

    def _preset_chosen(self) -> None:
        code = self.preset.currentData()
        if code:
            self._take(self._based_on(PRESETS[code]))

    def _based_on(self, settings: Mapping[str, Any]) -> PruneConfig:
        """These settings, with what the form does not show."""
        now = self._config
        return PruneConfig(
            tolerances=now.tolerances[:1],
            protected=now.protected,
            keep=now.keep,
            strategy=now.strategy,
            **settings,
        )

    def _edited(self) -> None:
        metrics = tuple(filter(None, (self.main.currentData(), self._second())))
        tolerances = self._config.tolerances[:1]
        if len(metrics) > 1:
            tolerances = (*tolerances, self._second_tolerance())
        config = replace(
            self._config,
            metrics=metrics,
            tolerances=tolerances,
            baseline=self.baseline.currentData(),
            comparison=self.comparison.currentData(),
            compensation=self.compensation.currentData(),
            order=self.order.currentData(),
            ranking=self.ranking.currentData(),
            scope=self.scope.currentData(),
            seed=self.seed.value(),
            restart=self.restart.isChecked(),
            layers=self.layers.layers,
            keep=self.layers.keep,
        )
        self._take(config)

    def _take(self, config: PruneConfig) -> None:
        self.show_config(config)
        self.changed.emit(config)

    def _second(self) -> str:
        first, second = self.main.currentData(), self.second.currentData()
        return second if first and second != first else ""

    def _second_tolerance(self) -> Tolerance:
        try:
            return Tolerance.parse(self.second_tolerance.text())
        except BadSetting:
            self.second_tolerance.clear()
            return self._config.tolerances[0]

    def _enable(self) -> None:
        explicit = bool(self.main.currentData())
        self.second.setEnabled(explicit)
        self.second_tolerance.setEnabled(explicit and bool(self.second.currentData()))
        strategy, by_chance = self._config.strategy, self.order.currentData() == "random"
        selective = strategy == "selective"
        self.seed.setEnabled(by_chance or not selective)
        for field, visible in (
            (self.preset, selective),
            (self.compensation, strategy not in ("free", "connections")),
            (self.explanation, strategy not in ("free", "connections")),
            (self.order, selective),
            (self.restart, selective),
            (self.seed, selective or strategy == "random"),
            (self.ranking, strategy == "connections"),
            (self.scope, strategy == "connections"),
        ):
            self._form.setRowVisible(field, visible)


def preset_of(config: PruneConfig) -> str:
    """Return the preset that a configuration is, tolerances and what has to stay aside; "" for none."""
    bare = replace(config, tolerances=(Tolerance(0, False),), protected=frozenset(), keep=())
    for code, settings in PRESETS.items():
        if bare == PruneConfig(tolerances=(Tolerance(0, False),), **settings):
            return code
    return ""
