/// A fault that has fired, as `faults.csv` tells it.
public struct Occurrence: Sendable, Equatable {
  public var kind: String
  /// The target as the script wrote it.
  public var target: String
  /// The nodes it was resolved to.
  public var nodes: [Int]
  /// Nanoseconds since the trial began, as are the others: when it was to start, and when it did. A real
  /// cluster may be a moment late.
  public var planned: Int64
  public var start: Int64
  /// `nil`: it lasts to the end of the trial.
  public var end: Int64?

  /// - Parameter planned: `nil`: it started as planned.
  public init(
    kind: String, target: String, nodes: [Int], planned: Int64? = nil, start: Int64, end: Int64?
  ) {
    self.kind = kind
    self.target = target
    self.nodes = nodes
    self.planned = planned ?? start
    self.start = start
    self.end = end
  }
}
