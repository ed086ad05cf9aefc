import ClusterMessages
import Faults
import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import StateMachines
import Trials
import WireFormat
import Workloads

/// Reads the body of a frame as one type.
struct FrameDecoder {
  let name: String
  let kind: FrameKind
  /// - Returns: the error in an accepted value, if any. Every value has one encoding, so the
  ///   accepted bytes must be the value's encoding; that also limits the size of the value.
  let decode: ([UInt8], Range<Int>) throws(WireError) -> String?

  init<Value: WireCodable & Equatable>(_ type: Value.Type, _ kind: FrameKind) {
    name = "\(type)"
    self.kind = kind
    decode = { (bytes, range) throws(WireError) in
      let value = try Frame.decode(Value.self, from: bytes, in: range)
      let encoded = value.encoded()
      guard encoded.count == value.encodedByteCount else {
        return "\(value) takes \(encoded.count) bytes, not \(value.encodedByteCount)"
      }
      return encoded[...] == bytes[range] ? nil : "\(value) was accepted from \(bytes[range])"
    }
  }
}

/// Valid frames of every type that is sent, and their decoders.
struct FrameCorpus {
  struct Sample {
    /// Index of the intended decoder.
    var decoder: Int
    var bytes: [UInt8]
  }

  private(set) var decoders: [FrameDecoder] = []
  private(set) var samples: [Sample] = []

  init() {
    for kind in ProtocolKind.allCases {
      var visitor = ConversationVisitor(corpus: self, kind: kind)
      kind.visit(&visitor)
      (decoders, samples) = (visitor.corpus.decoders, visitor.corpus.samples)
    }
    addClients()
    addCluster()
  }

  fileprivate mutating func add<Value: WireCodable & Equatable>(
    _ values: [Value], _ kind: FrameKind
  ) {
    for value in values {
      var writer = WireWriter()
      Frame.encode(value, kind: kind, from: ReplicaID(1), incarnation: 3, into: &writer)
      samples.append(Sample(decoder: decoders.count, bytes: writer.bytes()))
    }
    decoders.append(FrameDecoder(Value.self, kind))
  }

  private mutating func addClients() {
    let commands = KeyValueSamples.commands
    add(
      commands.map { ClientRequest(id: id, command: $0) }
        + [
          ClientRequest(
            id: id, command: .delete(Key("user42")), timeLeft: .seconds(1), continues: true)
        ],
      .request)
    typealias Reply = ClientReply<KeyValueResponse>
    add(
      KeyValueSamples.responses.map { Reply(id: id, result: .answer($0)) }
        + [Reply(id: id, result: .redirect(nil)), Reply(id: id, result: .redirect(ReplicaID(2)))]
        + [Reply(id: id, result: .busy), Reply(id: id, result: .expired)],
      .reply)
  }

  private let id = RequestID(client: ClientID(77), sequence: 12)

  private mutating func addCluster() {
    let roles: [ConnectionRole] = [.peer, .client, .runner]
    add(
      roles.map {
        Hello(
          cluster: "bench-1", protocolName: "raft", role: $0, addressee: ReplicaID(2), nodeCount: 3)
      }, .hello)
    add(
      [
        Hello(
          cluster: "bench-1", protocolName: "raft", role: .peer, addressee: ReplicaID(2),
          nodeCount: 3,
          secret: Array(repeating: 7, count: 32), logNumber: 5, logGeneration: 9)
      ], .hello)
    add(
      [
        SilenceNotice(pause: .milliseconds(600), epochInCharge: nil),
        SilenceNotice(pause: .seconds(2), epochInCharge: 7),
      ], .silence)
    add([RefusalReason("")], .welcome)
    add([RefusalReason("this is node 1, not node 2")], .refusal)
    var faults = NodeFaults(nodeCount: 5)
    faults.links[1].cutsInbound = true
    faults.links[2].degradation.loss = 0.25
    faults.links[3].degradation.extraLatency = .milliseconds(5)
    faults.clients.bandwidth = 1e10
    faults.slowness = 10
    faults.drift = -0.1
    faults.syncDelay = .milliseconds(20)
    let orders: [Order] = [
      .faults(faults), .faults(NodeFaults(nodeCount: 3)), .stepClock(.milliseconds(-300)),
      .disk(.syncError), .disk(.full), .disk(.bitFlip), .report(digest: true),
    ]
    add(orders, .order)
    let status = ReplicaStatus(
      role: "leader", isInCharge: true, isTail: false, isCoordinator: false, epoch: 9,
      commitIndex: LogIndex(120), lastIndex: LogIndex(125))
    add(
      [
        NodeReport(status: status, appliedIndex: LogIndex(119), counters: NodeUsage(node: 0)),
        NodeReport(
          status: status, appliedIndex: LogIndex(119), counters: NodeUsage(node: 0),
          digest: StateDigest(state: 5, commits: 6), violation: "two leaders of one term"),
      ], .report)
  }
}

/// Adds the messages between the replicas of one protocol.
struct ConversationVisitor: ProtocolVisitor {
  var corpus: FrameCorpus
  let kind: ProtocolKind

  mutating func visit<Core: ReplicaCore>(_ core: Core.Type, _ description: ProtocolDescription) {
    let said = Conversation<Core>(kind: kind)
    corpus.add(said.messages.map(\.message), .message)
    // Log records are not sent in frames, but a frame is used to pass them to their decoder as
    // well.
    corpus.add(said.records, .message)
  }
}

/// The messages and records of the replicas of a small cluster with some faults.
struct Conversation<Core: ReplicaCore> {
  struct Message {
    var message: Core.Message
    var from: Int
    /// The receiver before it took the message.
    var receiver: Core
  }

  private(set) var messages: [Message] = []
  private(set) var records: [Core.Record] = []
  let membership: Membership

  init(kind: ProtocolKind) {
    membership = kind.membership(replicas: 3)
    // Small snapshots in small pages, so that pages and checkpoints are among the samples.
    let overrides: [String: OptionValue] =
      Core.takesSnapshots ? ["snapshotBytes": .integer(2048), "snapshotPage": .integer(128)] : [:]
    var setup = TrialSetup<Core>(
      membership: membership,
      options: Core.Options(OptionValues(Core.Options.declared, overrides: overrides)))
    // Some batches begin with a time stamp, one in about 80 ms.
    setup.plan.sessionExpiry = .seconds(1)
    setup.plan.faults.timed = [
      TimedFault(
        at: .milliseconds(600), duration: .milliseconds(300), action: .crash(.leader, disk: .kept)),
      TimedFault(
        at: .milliseconds(1500), duration: .milliseconds(300), action: .partition(.isolate(.leader))
      ),
    ]
    setup.plan.workload.clients = 4
    setup.plan.workload.thinkTime = .milliseconds(10)
    setup.plan.workload.timeout = .milliseconds(200)
    setup.plan.duration = .milliseconds(2500)
    var spec = WorkloadSpec()
    spec.keys = 20
    spec.valueSize = 24
    var trial = Trial(setup, load: KeyValueLoad(spec, seed: 1))
    trial.prepare()
    var sizes: [Int: Int] = [:]
    while !trial.world.queue.isEmpty, trial.world.queue.nextTime <= .zero + setup.plan.duration {
      trial.world.now = trial.world.queue.nextTime
      trial.world.queue.withNext { event in
        guard case .message(let message, let envelope) = event else { return }
        // Two of each size, because frequent messages would crowd out rare ones.
        let size = message.encodedByteCount
        guard sizes[size, default: 0] < 2, messages.count < 200 else { return }
        sizes[size, default: 0] += 1
        messages.append(
          Message(
            message: message, from: envelope.from, receiver: trial.nodes[envelope.to].host.core))
      }
      trial.happenNext()
    }
    for number in trial.nodes.indices { records += trial.nodes[number].log.prefix(15) }
  }
}
