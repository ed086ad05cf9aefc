import Replication

/// A fault that has fired, as `faults.csv` shows it.
public struct InjectedFault: Sendable, Equatable {
  /// The fault's name in the experiment format, such as `crash`.
  public var kind: String
  /// The target as the script wrote it, such as `leader`.
  public var target: String
  /// The nodes to which the target was resolved.
  public var nodes: [Int]
  /// The planned start (the same in all trials of an experiment, unless it was drawn at random) and
  /// the actual start, in nanoseconds since the trial began. A real cluster may start it slightly
  /// late.
  public var plannedNs: Int64
  public var startNs: Int64
  /// The end, in nanoseconds since the trial began; `nil` if the fault lasts to the end of the
  /// trial. An instant fault ends when it starts.
  public var endNs: Int64?
  /// The name that the experiment gives to it, if any.
  public var name: String?
  /// The part of a crashed node's disk that survives; `nil` for other faults.
  public var disk: DiskFate?

  /// - Parameter plannedNs: `nil` if it started as planned.
  public init(
    kind: String, target: String, nodes: [Int], plannedNs: Int64? = nil, startNs: Int64,
    endNs: Int64? = nil, name: String? = nil, disk: DiskFate? = nil
  ) {
    self.kind = kind
    self.target = target
    self.nodes = nodes
    self.plannedNs = plannedNs ?? startNs
    self.startNs = startNs
    self.endNs = endNs
    self.name = name
    self.disk = disk
  }

  /// A fault whose times were read from the trial's clock.
  /// - Parameter planned: `nil` if it started as planned.
  public init(
    kind: String, target: String, nodes: [Int], planned: Instant? = nil, start: Instant,
    end: Instant?, name: String?, disk: DiskFate?
  ) {
    self.init(
      kind: kind, target: target, nodes: nodes, plannedNs: planned?.nanoseconds,
      startNs: start.nanoseconds, endNs: end?.nanoseconds, name: name, disk: disk)
  }
}
