import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import WireFormat
import Workloads

/// Everything that nodes said and wrote in some faulty trials, or at least some of each kind.
struct WireSurvey: ProtocolVisitor {
  let kind: ProtocolKind
  private(set) var messageCount = 0
  private(set) var recordCount = 0
  private(set) var problems: [String] = []
  private var random = RandomStream(seed: 0x317E)

  init(kind: ProtocolKind) { self.kind = kind }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) {
    for seed in 1...8 as ClosedRange<UInt64> {
      let plan = SwarmPlan(seed: seed)
      let setup = plan.setup(of: core, for: kind)
      var trial = Trial(setup, load: KeyValueLoad(plan.workload, seed: seed))
      trial.prepare()
      var messages: [Core.Message] = []
      trial.step(to: plan.duration) { what, nodes in
        guard case .message(let message, let envelope) = what else { return }
        let (from, to) = (envelope.from, envelope.to)
        // Rare messages are what tests forget: keep one of each size, and some of the others.
        let size = message.encodedByteCount
        let isNew = !messages.contains { $0.encodedByteCount == size }
        guard isNew || random.chance(0.01) else { return }
        messages.append(message)
        feedDamaged(message, from: from, to: nodes[to].host.core, in: setup.membership)
      }
      for message in messages {
        examine(message)
        examineFrame(message)
      }
      messageCount += messages.count
      for node in trial.nodes {
        for record in node.log where random.chance(0.05) || node.log.count < 20 {
          recordCount += 1
          examine(record)
        }
      }
    }
  }
}

extension WireSurvey {
  private mutating func note(_ problem: String) {
    if problems.count < 5 { problems.append(problem) }
  }

  /// Bytes that were written can be read back, and no part of them is mistaken for the whole.
  private mutating func examine<Value: WireCodable & Equatable>(_ value: Value) {
    let bytes = value.encoded()
    if bytes.count != value.encodedByteCount {
      note("\(value) takes \(bytes.count) bytes, not \(value.encodedByteCount)")
    }
    if (try? WireReader.decode(Value.self, from: bytes)) != value {
      note("\(value) is read back as something else")
    }
    // Long values are cut at some places only; their ends are where lengths and counts sit.
    for length in bytes.indices where bytes.count < 200 || length % 7 == 0 || length < 60 {
      if (try? WireReader.decode(Value.self, from: Array(bytes[..<length]))) != nil {
        note("\(length) of the \(bytes.count) bytes of \(value) pass for a whole")
      }
    }
    for _ in 0..<20 where !bytes.isEmpty {
      // Only that it returns matters: damage may well spell another valid value.
      _ = try? WireReader.decode(Value.self, from: damaged(bytes))
    }
  }

  private mutating func examineFrame<Message: WireCodable & Equatable>(_ message: Message) {
    var writer = WireWriter()
    Frame.encode(message, from: ReplicaID(2), into: &writer)
    let bytes = writer.bytes()
    if bytes.count != Frame.byteCount(of: message) {
      note("a frame of \(message) has another size")
    }
    let read = try? Frame.decode(Message.self, from: bytes)
    if read?.message != message || read?.header.sender != ReplicaID(2) {
      note("a frame of \(message) is read back as something else")
    }
    for _ in 0..<20 {
      let other = damaged(bytes)
      if other != bytes, (try? Frame.decode(Message.self, from: other)) != nil {
        note("a damaged frame of \(message) is accepted")
      }
    }
  }

  /// A copy in which up to three bytes are others.
  private mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(3) {
      let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(random.below(256))]
      bytes[random.below(bytes.count)] = extremes[random.below(extremes.count)]
    }
    return bytes
  }

  /// Gives a copy of the receiver messages that no replica sends, each on top of the one before.
  private mutating func feedDamaged<Core: ReplicaCore>(
    _ message: Core.Message, from: Int, to core: Core, in membership: Membership
  ) {
    var core = core
    var effects = Effects<Core>()
    let now = Instant(nanoseconds: 3_700_000_000_000)
    let bytes = message.encoded()
    for attempt in 0..<6 where !bytes.isEmpty {
      guard let strange = try? WireReader.decode(Core.Message.self, from: damaged(bytes)) else {
        continue
      }
      let sender = attempt == 5 ? 0xFFFF : (from + attempt) % membership.nodeCount
      core.handle(.received(strange, from: ReplicaID(sender)), at: now, into: &effects)
      _ = core.status
      _ = core.invariantViolation()
    }
  }
}

@Suite("Wire format")
struct WireTests {
  @Test(
    "What replicas say and write is read back as it was, and damage is refused or survived",
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) {
    var survey = WireSurvey(kind: kind)
    kind.visit(&survey)
    #expect(survey.problems == [])
    // The unreplicated server has one short message, to itself.
    // A server alone has nobody to tell anything.
    #expect(kind == .unreplicated ? survey.messageCount == 0 : survey.messageCount >= 50)
    #expect(survey.recordCount >= 50)
  }
}
