import Replication

/// All active faults of one node as one value. Because each order carries the whole value, orders
/// can be repeated, and a node that restarts receives all faults at once.
public struct NodeFaults: Equatable, Sendable {
  /// One element per node of the cluster, including this one.
  public var links: [LinkFault]
  /// Degrades the links between clients and this node.
  public var clients = LinkDegradation()
  /// All computation takes this many times as long.
  public var slowness = 1.0
  /// The time that is added to every sync.
  public var syncDelay = Interval.zero
  /// Whether syncs do not end.
  public var syncStalls = false
  /// The share by which the clock runs fast.
  public var drift = 0.0

  public init(nodeCount: Int) {
    links = Array(repeating: LinkFault(), count: nodeCount)
  }
}

/// The faults of the link between this node and another.
public struct LinkFault: Equatable, Sendable {
  /// Whether no message leaves for the other node, and whether no message from it is accepted.
  public var cutsOutbound = false
  public var cutsInbound = false
  /// Degrades the messages that this node sends.
  public var degradation = LinkDegradation()

  public init() {}

  /// Whether this node's messages are sent unchanged.
  public var letsAllThrough: Bool { !cutsOutbound && degradation.changesNothing }
}
