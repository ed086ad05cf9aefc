import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import ViewService
import WireFormat
import Workloads

/// The messages and records of nodes in some faulty trials, at least one of each kind.
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
        // Tests tend to forget rare messages, so one of each size is kept, and some of the others.
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
      for node in trial.nodes.elements {
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

  /// Checks that encoded bytes decode to the same value, and that no prefix of them is accepted.
  private mutating func examine<Value: WireCodable & Equatable>(_ value: Value) {
    let bytes = value.encoded()
    if bytes.count != value.encodedByteCount {
      note("\(value) takes \(bytes.count) bytes, not \(value.encodedByteCount)")
    }
    if (try? WireReader.decode(Value.self, from: bytes)) != value {
      note("\(value) is read back as something else")
    }
    // The authority's consensus messages travel as bytes whose number is that of the frame. A part
    // of one is refused by the core that gets it, which `feedDamaged` and the survey of the
    // consensus protocol itself look at.
    var isOpaque = false
    if let message = value as? any ViewFollowerMessage, case .consensus? = message.authority {
      isOpaque = true
    }
    // Long values are cut only at some places, and always in their first 60 bytes, which hold
    // lengths and counts.
    for length in bytes.indices
    where !(isOpaque && length > 0) && (bytes.count < 200 || length % 7 == 0 || length < 60) {
      if (try? WireReader.decode(Value.self, from: Array(bytes[..<length]))) != nil {
        note("\(length) of the \(bytes.count) bytes of \(value) pass for a whole")
      }
    }
    for _ in 0..<20 where !bytes.isEmpty {
      // The call only has to return, because damaged bytes may well be another valid value.
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

  /// A copy in which up to three bytes are changed.
  private mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(3) {
      let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(random.below(256))]
      bytes[random.below(bytes.count)] = extremes[random.below(extremes.count)]
    }
    return bytes
  }

  /// Gives a copy of the receiver damaged messages, which no replica sends, one after the other.
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
    "Messages and records are unchanged by encoding, and damage is refused or survived",
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) {
    var survey = WireSurvey(kind: kind)
    kind.visit(&survey)
    #expect(survey.problems == [])
    // The unreplicated server has no other replica, so it sends no message.
    #expect(kind == .unreplicated ? survey.messageCount == 0 : survey.messageCount >= 50)
    #expect(survey.recordCount >= 50)
  }
}
