/// A fault that has fired, as `faults.csv` shows it.
public struct InjectedFault: Sendable, Equatable {
  /// The fault's name in the experiment format, such as `crash`.
  public var kind: String
  /// The target as the script wrote it, such as `leader`.
  public var target: String
  /// The nodes it was resolved to.
  public var nodes: [Int]
  /// Nanoseconds since the trial began, as are the others: when it was to start (the same in all
  /// trials of an experiment, unless it was drawn at random), and when it did. A real cluster may
  /// be a moment late.
  public var plannedNs: Int64
  public var startNs: Int64
  /// `nil`: it lasts to the end of the trial. One that is over at once ends when it starts.
  public var endNs: Int64?
  /// What the experiment calls it.
  public var name: String?

  /// - Parameter plannedNs: `nil`: it started as planned.
  public init(
    kind: String, target: String, nodes: [Int], plannedNs: Int64? = nil, startNs: Int64,
    endNs: Int64? = nil, name: String? = nil
  ) {
    self.kind = kind
    self.target = target
    self.nodes = nodes
    self.plannedNs = plannedNs ?? startNs
    self.startNs = startNs
    self.endNs = endNs
    self.name = name
  }
}
