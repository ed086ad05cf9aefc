/// A fault that has fired, as `faults.csv` tells it.
public struct Occurrence: Sendable, Equatable {
  public var kind: String
  /// The target as the script wrote it.
  public var target: String
  /// The nodes it was resolved to.
  public var nodes: [Int]
  /// Nanoseconds since the trial began, as is `end`.
  public var start: Int64
  /// `nil`: it lasts to the end of the trial.
  public var end: Int64?

  public init(kind: String, target: String, nodes: [Int], start: Int64, end: Int64?) {
    self.kind = kind
    self.target = target
    self.nodes = nodes
    self.start = start
    self.end = end
  }
}
