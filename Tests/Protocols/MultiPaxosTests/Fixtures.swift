import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

typealias Cluster = InProcessCluster<MultiPaxosReplica>
typealias Message = MultiPaxosReplica.Message
typealias Ballot = MultiPaxosReplica.Ballot
typealias AcceptedValue = MultiPaxosReplica.AcceptedValue
typealias HeldSlots = MultiPaxosReplica.HeldSlots
typealias Gap = MultiPaxosReplica.Gap

func slot(_ number: Int) -> LogIndex { LogIndex(number) }

func options(
  _ bug: MultiPaxosReplica.Bug? = nil, window: Int = 1024, queue: Int = 4096,
  inFlightBytes: Int = 4 << 20
) -> MultiPaxosReplica.Options {
  var options = MultiPaxosReplica.Options()
  options.bug = bug
  options.window = window
  options.queue = queue
  options.inFlightBytes = inFlightBytes
  // Most tests make a replica stand by firing its timer, whomever it hears; StickinessTests switch
  // it on.
  options.prePrepare = false
  return options
}

func ballot(_ round: UInt64, _ node: ReplicaID) -> Ballot { Ballot(round: round, node: node) }

extension InProcessCluster where Core == MultiPaxosReplica {
  init(
    _ replicas: Int = 3, bug: MultiPaxosReplica.Bug? = nil, window: Int = 1024, queue: Int = 4096,
    inFlightBytes: Int = 4 << 20
  ) {
    self.init(
      membership: Membership(replicas: replicas),
      options: MultiPaxosTests.options(
        bug, window: window, queue: queue, inFlightBytes: inFlightBytes))
  }

  /// Makes a replica start phase 1 and delivers everything.
  mutating func elect(_ id: ReplicaID) {
    fire(.election, at: id)
    run()
  }

  subscript(id: ReplicaID) -> MultiPaxosReplica { nodes[id.index].core }
}

/// Tells a story twice: by the rule, and with the one mistake that the rule forbids. Without the
/// rule replicas disagree.
func expectRule(
  _ bug: MultiPaxosReplica.Bug, story: (inout Cluster) -> Void, of replicas: Int = 3,
  at location: SourceLocation = #_sourceLocation
) {
  var sound = Cluster(replicas)
  story(&sound)
  let soundAgrees = sound.agrees
  #expect(soundAgrees, "the rule holds", sourceLocation: location)
  #expect(sound.violations == [], sourceLocation: location)
  var broken = Cluster(replicas, bug: bug)
  story(&broken)
  let brokenAgrees = broken.agrees
  #expect(!brokenAgrees, "\(bug.rawValue) breaks agreement", sourceLocation: location)
}

/// One core alone, stepped by hand.
struct Bare {
  var core: MultiPaxosReplica
  var effects = Effects<MultiPaxosReplica>()
  var now = Instant.zero

  init(
    _ id: ReplicaID = b, of replicas: Int = 3, bug: MultiPaxosReplica.Bug? = nil,
    electsOnDisconnect: Bool = false, prePrepare: Bool = false
  ) {
    var options = options(bug)
    options.electOnDisconnect = electsOnDisconnect
    options.prePrepare = prePrepare
    core = MultiPaxosReplica(
      id: id, membership: Membership(replicas: replicas), options: options)
    core.handle(.started, at: now, into: &effects)
    effects.removeAll()
  }

  /// Handles one message; `effects` are those of this message alone.
  mutating func receive(_ message: Message, from sender: ReplicaID) {
    effects.removeAll()
    core.handle(.received(message, from: sender), at: now, into: &effects)
  }

  mutating func disconnect(_ other: ReplicaID) {
    effects.removeAll()
    core.handle(.disconnected(other), at: now, into: &effects)
  }

  mutating func fire(_ timer: MultiPaxosReplica.Timer, after interval: Interval) {
    effects.removeAll()
    now = now + interval
    core.handle(.timerFired(timer), at: now, into: &effects)
  }

  func sent(to id: ReplicaID) -> [Message] {
    (Array(effects.sends) + effects.earlySends).filter { $0.to == id }.map(\.message)
  }
}
