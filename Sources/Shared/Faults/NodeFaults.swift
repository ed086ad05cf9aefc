/// All faults of one node that last, as one value: orders can be repeated, and a node that comes back is
/// told all of them at once.
public struct NodeFaults: Equatable, Sendable {
  /// One element per node of the cluster, this one included.
  public var links: [LinkFault]
  /// Between clients and this node.
  public var clients = LinkDegradation()
  /// Everything takes this many times as long.
  public var slowness = 1.0
  /// Nanoseconds that every sync takes longer.
  public var syncDelay: Int64 = 0
  /// No sync ends.
  public var syncStalls = false
  /// Share by which the clock runs fast.
  public var drift = 0.0

  public init(nodeCount: Int) {
    links = Array(repeating: LinkFault(), count: nodeCount)
  }
}

/// What happens to messages between this node and another.
public struct LinkFault: Equatable, Sendable {
  /// Nothing leaves, or nothing is taken in.
  public var cutsOutbound = false
  public var cutsInbound = false
  /// What happens to what this node sends.
  public var degradation = LinkDegradation()

  public init() {}

  /// Nothing is done to what this node sends.
  public var letsAllThrough: Bool { !cutsOutbound && degradation.changesNothing }
}
