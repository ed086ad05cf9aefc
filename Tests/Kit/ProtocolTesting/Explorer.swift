import Primitives
import Replication
import SteppedCluster
import WireFormat

// Exhaustive exploration of small worlds, in the spirit of Stateright: from one state of a cluster,
// every order in which messages arrive or are lost and in which the acts of a test happen. Random
// schedules reach further and leave gaps; an exploration that ends has tried everything.

/// Something that happens at one replica at most once, at any moment.
public struct ExplorerAct<Core: ReplicaCore> {
  public var name: String
  public var place: ReplicaID
  /// Another act that must have happened before, by its position.
  public var follows: Int?
  /// Whether messages to the replica are lost.
  var endsProcess = false
  /// Returns false if the act is not possible in this state.
  var happen: (inout InProcessCluster<Core>) -> Bool

  /// A client asks the replica for the update `x=number`.
  public static func propose(_ number: UInt64, at id: ReplicaID) -> ExplorerAct {
    act("a client asks \(id.letter) for x=\(number)", at: id) { $0.propose(number, at: id) }
  }

  /// A timer fires, if it is set.
  public static func fire(_ timer: Core.Timer, at id: ReplicaID) -> ExplorerAct {
    ExplorerAct(name: "\(timer) of \(id.letter) fires", place: id) { $0.fire(timer, at: id) }
  }

  /// The process ends and starts again; messages to it are lost.
  public static func crash(_ id: ReplicaID) -> ExplorerAct {
    ExplorerAct(name: "\(id.letter) crashes and restarts", place: id, endsProcess: true) {
      $0.crash(id)
      $0.restart(id)
      return true
    }
  }

  /// Records of the replica stay volatile from now on.
  public static func slowDisk(_ id: ReplicaID) -> ExplorerAct {
    act("the disk of \(id.letter) becomes slow", at: id) { $0.slowDisk(id) }
  }

  public static func act(
    _ name: String, at id: ReplicaID, _ happen: @escaping (inout InProcessCluster<Core>) -> Void
  ) -> ExplorerAct {
    ExplorerAct(name: name, place: id) {
      happen(&$0)
      return true
    }
  }

  public func after(_ position: Int) -> ExplorerAct {
    var act = self
    act.follows = position
    return act
  }
}

/// What an exploration has found.
public struct Exploration {
  /// The number of different states, the first one included.
  public var stateCount = 1
  /// Whether all states within the depth were visited, or a state is wrong.
  public var isComplete = true
  /// How many steps the last state is away from the first one.
  public var depth = 0
  /// The most entries that one replica has committed in any state.
  public var mostCommits = 0
  /// What is wrong in the first wrong state, and the steps that lead to it.
  public var failure: String?
  public var trail: [String] = []
}

/// Visits the states of a cluster breadth first, so that the trail to a wrong state is as short as
/// possible. A state is wrong if replicas have committed different batches at one index, then or
/// before, or if a core says that an invariant is broken.
///
/// Two states are the same if every replica has heard the same in the same order, and the same
/// messages are on their way. This is exact, because a core is pure: it depends on nothing but what
/// it has heard, and when. Records are durable at once unless a disk is slow, and a replica's
/// messages to itself arrive at once.
public struct Explorer<Core: ReplicaCore> {
  public var acts: [ExplorerAct<Core>]
  /// How many messages may be lost.
  public var losses: Int
  /// How many steps a state may be away from the first one.
  public var depth: Int
  /// More states than this are not visited.
  public var mostStates: Int

  public init(
    _ acts: [ExplorerAct<Core>], losses: Int = 0, depth: Int = .max, mostStates: Int = 100_000
  ) {
    self.acts = acts
    self.losses = losses
    self.depth = depth
    self.mostStates = mostStates
  }

  private enum Step { case deliver(Int), lose(Int), act(Int) }

  private struct Sent {
    var envelope: SteppedEnvelope<Core.Message>
    var digest: UInt64
  }

  private struct State {
    var cluster: InProcessCluster<Core>
    var witness = CommitWitness()
    var messages: [Sent] = []
    /// For each replica, a digest of all that it has heard since the first state.
    var heard: [UInt64]
    var hasHappened: [Bool]
    var lossesLeft: Int
    var depth = 0
    /// The state before, by its number, and the step from it.
    var origin: (state: Int, step: Step)?

    var digest: UInt64 {
      var sum = heard.reduce(UInt64(lossesLeft)) { mixed($0, $1) }
      for happened in hasHappened { sum = mixed(sum, happened ? 1 : 0) }
      // A sum, because the order of messages on their way does not matter.
      return mixed(sum, messages.reduce(0) { $0 &+ $1.digest })
    }
  }

  /// Explores the states that follow from a cluster, whose messages on their way count.
  public func explore(from cluster: InProcessCluster<Core>) -> Exploration {
    var found = Exploration()
    var first = State(
      cluster: cluster, heard: cluster.nodes.indices.map { UInt64($0) },
      hasHappened: acts.map { _ in false }, lossesLeft: losses)
    settle(&first)
    var states = [first]
    var seen: Set<UInt64> = [first.digest]
    var next = 0
    while next < states.count {
      if states[next].depth < depth {
        for step in steps(of: states[next]) {
          guard var state = result(of: step, in: states[next]) else { continue }
          state.origin = (next, step)
          guard seen.insert(state.digest).inserted else { continue }
          found.stateCount += 1
          found.depth = state.depth
          found.mostCommits = max(
            found.mostCommits, state.cluster.nodes.map(\.commits.count).max() ?? 0)
          states.append(state)
          if let wrong = fault(of: state) {
            found.failure = wrong
            found.trail = trail(to: states.count - 1, states)
            return found
          }
          guard states.count < mostStates else {
            found.isComplete = false
            return found
          }
        }
      }
      next += 1
    }
    return found
  }

  /// Everything that can happen next. Of equal messages on the same way one stands for all.
  private func steps(of state: State) -> [Step] {
    var steps: [Step] = []
    var digests: Set<UInt64> = []
    for (position, message) in state.messages.enumerated()
    where digests.insert(message.digest).inserted {
      steps.append(.deliver(position))
      if state.lossesLeft > 0 { steps.append(.lose(position)) }
    }
    for (position, act) in acts.enumerated() where !state.hasHappened[position] {
      if let earlier = act.follows, !state.hasHappened[earlier] { continue }
      steps.append(.act(position))
    }
    return steps
  }

  private func result(of step: Step, in before: State) -> State? {
    var state = before
    state.depth += 1
    switch step {
    case .lose(let position):
      state.messages.remove(at: position)
      state.lossesLeft -= 1
    case .deliver(let position):
      hear(state.messages.remove(at: position), in: &state)
    case .act(let position):
      let act = acts[position]
      guard act.happen(&state.cluster) else { return nil }
      state.hasHappened[position] = true
      note(mixed(UInt64(position), 1), at: act.place, in: &state)
      if act.endsProcess { state.messages.removeAll { $0.envelope.to == act.place } }
    }
    settle(&state)
    state.witness.note(state.cluster)
    return state
  }

  private func hear(_ message: Sent, in state: inout State) {
    note(message.digest, at: message.envelope.to, in: &state)
    state.cluster.handle(
      .received(message.envelope.message, from: message.envelope.from), at: message.envelope.to)
  }

  private func note(_ what: UInt64, at id: ReplicaID, in state: inout State) {
    let time = UInt64(bitPattern: state.cluster.now.nanoseconds)
    state.heard[id.index] = mixed(mixed(state.heard[id.index], what), time)
  }

  /// Takes over what replicas have just sent; what they tell themselves arrives at once.
  private func settle(_ state: inout State) {
    while !state.cluster.inFlight.isEmpty {
      let envelope = state.cluster.inFlight.removeFirst()
      let sent = Sent(envelope: envelope, digest: digest(of: envelope))
      if envelope.from == envelope.to {
        hear(sent, in: &state)
      } else {
        state.messages.append(sent)
      }
    }
  }

  private func digest(of envelope: SteppedEnvelope<Core.Message>) -> UInt64 {
    var writer = WireWriter()
    envelope.message.encode(into: &writer)
    var sum = mixed(UInt64(envelope.from.index), UInt64(envelope.to.index))
    for byte in writer.bytes() { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return mixed(sum, 0)
  }

  private func fault(of state: State) -> String? {
    if let index = state.witness.disagreement { return "replicas disagree at index \(index)" }
    return state.cluster.violations.first
  }

  private func trail(to number: Int, _ states: [State]) -> [String] {
    var trail: [String] = []
    var state = states[number]
    while let (before, step) = state.origin {
      trail.append(words(for: step, in: states[before]))
      state = states[before]
    }
    return trail.reversed()
  }

  private func words(for step: Step, in state: State) -> String {
    func message(_ position: Int) -> String {
      let envelope = state.messages[position].envelope
      return "\(envelope.from.letter) → \(envelope.to.letter)  \(envelope.message)"
    }
    return switch step {
    case .deliver(let position): message(position)
    case .lose(let position): "lost: " + message(position)
    case .act(let position): acts[position].name
    }
  }
}

private func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
  RandomStream.scramble(a &* 0x9E37_79B9_7F4A_7C15 &+ b)
}
