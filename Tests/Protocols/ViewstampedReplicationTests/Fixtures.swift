import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

typealias Cluster = InProcessCluster<ViewstampedReplica>
typealias Options = ViewstampedReplica.Options

/// Options with some values in place of the defaults.
func vrOptions(
  bug: ViewstampedReplica.Bug? = nil, sticky: Bool = true,
  recovery: Options.Recovery = .disk, inFlightLimit: Int = 64, messageByteLimit: Int = 1 << 20
) -> Options {
  var options = Options()
  options.bug = bug
  options.stickyPrimary = sticky
  options.recovery = recovery
  options.inFlightLimit = inFlightLimit
  options.messageByteLimit = messageByteLimit
  return options
}

/// Plays a scenario that says whether a rule held, as the code is and with the one mistake that the
/// rule forbids.
/// - Parameter plain: the options without the bug.
func expect(
  _ bug: ViewstampedReplica.Bug, breaks scenario: (Options) -> Bool,
  with plain: Options = vrOptions(sticky: false), at location: SourceLocation = #_sourceLocation
) {
  #expect(scenario(plain), "the rule is broken without the bug", sourceLocation: location)
  var broken = plain
  broken.bug = bug
  #expect(
    !scenario(broken), "the bug \(bug.rawValue) does no harm", sourceLocation: location)
}

extension InProcessCluster<ViewstampedReplica> {
  /// A cluster whose first view has started.
  init(_ count: Int, _ options: Options = vrOptions()) {
    self.init(membership: Membership(replicas: count), options: options)
    run()
  }

  /// A cluster whose replicas start again with the given logs: per replica its last normal view and
  /// the views of its operations, which differ by view and number.
  init(logs: [(lastNormal: UInt64, views: [UInt64])], view: UInt64, _ options: Options) {
    self.init(logs.count, options)
    inFlight = []
    for slot in logs.indices {
      nodes[slot].records = [.view(view, lastNormal: logs[slot].lastNormal)]
      for (position, opView) in logs[slot].views.enumerated() {
        nodes[slot].records.append(
          .append(
            at: LogIndex(position + 1), view: opView,
            [batch(opView * 100 + UInt64(position + 1))]))
      }
      crash(ReplicaID(slot))
    }
    for slot in logs.indices { restart(ReplicaID(slot)) }
    inFlight = []
  }

  /// Who leads, in which view.
  var primaries: [ReplicaID] {
    membership.replicas.filter { isUp($0) && core($0).primacy != nil }
  }

  /// The views of a replica's operations.
  func views(_ id: ReplicaID) -> [ViewstampedReplica.View] {
    let log = core(id).log
    return (log.firstOp.rawValue..<log.lastOp.next.rawValue).map { log.view(at: LogIndex($0)) ?? 0 }
  }

  /// Lets replicas miss their primary until they want another view, and delivers everything.
  mutating func timeOut(_ ids: ReplicaID...) {
    now = now + .seconds(1)
    for id in ids { fire(.viewChange, at: id) }
    run()
  }

  /// Lets a replica miss its primary; nothing is delivered.
  mutating func timeOutAlone(_ id: ReplicaID) {
    now = now + .seconds(1)
    fire(.viewChange, at: id)
  }

  mutating func heartbeat(from id: ReplicaID) {
    fire(.commit, at: id)
    run()
  }

  /// Crashes a replica and starts it again; nothing is delivered.
  mutating func bounce(_ id: ReplicaID) {
    crash(id)
    restart(id)
  }
}
