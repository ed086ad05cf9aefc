import Faults
import Linearizability
import Measurement
import Replication
import Trials

/// The data kept of one trial: enough for every file and for the table, small enough to keep all
/// trials. Storing it in a fragment and reading it back loses no bit.
package struct FinishedTrial: Sendable, Equatable, Codable {
  package var place: TrialPlace
  package var seed: UInt64
  /// In the order of `MetricColumn.all`; nil is "not applicable".
  package var metrics: [Double?]
  package var verdict: TrialVerdict
  package var faults: [FaultRow]
  /// Kept so that percentiles over several trials together can be computed.
  var readLatency: StoredLatency
  var writeLatency: StoredLatency
  /// The weight of this trial's availability in the availability of several trials together.
  var availabilityWeight: Double
  /// Cells of the rows of `latency.csv`, `timeline.csv` and `resources.csv` after the columns that
  /// say which trial it is.
  var latencyCells: [[String]]
  var timelineCells: [[String]]
  var resourceCells: [[String]]
  /// `nil` if nothing was traced.
  var breakdown: TrialBreakdown?

  /// The verdict is `violated` if the runtime itself saw a broken promise, whatever the check of
  /// the history found.
  package init(
    place: TrialPlace, seed: UInt64, observation: TrialRecord, metrics: TrialMetrics,
    verdict: TrialVerdict
  ) {
    self.place = place
    self.seed = seed
    self.metrics = MetricColumn.all.map { column in
      column.value(metrics).flatMap { $0.isFinite ? $0 : nil }
    }
    self.verdict = verdict.with(safetyViolations: observation.safetyViolations)
    faults = zip(observation.faults, metrics.faults).map { FaultRow($0, $1) }
    readLatency = StoredLatency(metrics.readLatency)
    writeLatency = StoredLatency(metrics.writeLatency)
    availabilityWeight = metrics.availabilityWeight
    latencyCells = [Column].latency.cells(of: metrics.latencyTable)
    timelineCells = [Column].timeline.cells(of: metrics.timeline.windows)
    breakdown = observation.timeTrace.map { TrialBreakdown($0) }
    let interval = observation.measuredEndNs - observation.warmUpEndNs
    resourceCells = [Column].resources.cells(
      of: observation.nodes.map { NodeRow(usage: $0, intervalNs: interval) })
  }

  /// The metric of this name in `MetricColumn.all`; nil if not applicable.
  package func metric(_ name: String) -> Double? {
    MetricColumn.all.firstIndex { $0.name == name }.flatMap { metrics[$0] }
  }

  var faultCells: [[String]] { [Column].faults.cells(of: faults) }
}

extension Array {
  func cells<Row>(of rows: [Row]) -> [[String]] where Element == Column<Row> {
    rows.map { row in map { $0.cell(row) } }
  }
}

/// One fault of a trial and its effect.
package struct FaultRow: Sendable, Hashable, Codable {
  package var kind: String
  package var target: String
  package var node: String
  package var plannedNs: Int64
  package var startNs: Int64
  package var endNs: Int64?
  package var readOutageNs: Int64?
  package var writeOutageNs: Int64?
  var detectionNs: Int64?
  var electionNs: Int64?
  var firstAcknowledgementNs: Int64?
  package var timeToRecoverNs: Int64?
  var hangoverNs: Int64?
  package var lostRequests: Double?
  package var recovery: FaultMetrics.Recovery?
  /// The fault's name in the experiment.
  package var name: String?
  /// The part of a crashed node's disk that survives (`DiskFate`); nil for other faults.
  package var disk: String?

  init(_ fault: InjectedFault, _ metrics: FaultMetrics) {
    kind = fault.kind
    target = fault.target
    node = fault.nodes.map(String.init).joined(separator: "+")
    plannedNs = fault.plannedNs
    startNs = fault.startNs
    endNs = fault.endNs
    readOutageNs = metrics.readOutage?.nanoseconds
    writeOutageNs = metrics.writeOutage?.nanoseconds
    detectionNs = metrics.detection?.nanoseconds
    electionNs = metrics.election?.nanoseconds
    firstAcknowledgementNs = metrics.firstAcknowledgement?.nanoseconds
    timeToRecoverNs = metrics.timeToRecover?.nanoseconds
    hangoverNs = metrics.hangover?.nanoseconds
    lostRequests = metrics.lostRequests
    recovery = metrics.recovery
    name = fault.name
    disk = fault.disk?.rawValue
  }

  /// The longer of the two outages.
  var outageNs: Int64? { [readOutageNs, writeOutageNs].compactMap { $0 }.max() }
}
