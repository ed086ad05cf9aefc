import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import MultiPaxos

@Suite("Multi-Paxos: wire format, records, and invalid messages")
struct WireTests {
  private let messages: [Message] = [
    .prePrepare(ballot: ballot(3, b)),
    .prePromise(ballot: ballot(3, b)),
    .prepare(ballot: ballot(3, b), from: slot(9)),
    .prepare(
      ballot: ballot(3, b), from: slot(9),
      held: [
        HeldSlots(ballot: ballot(1, a), last: slot(10)), HeldSlots(ballot: .none, last: slot(12)),
      ]),
    .promise(ballot: ballot(3, b), from: slot(9), accepted: [], next: nil),
    .promise(
      ballot: ballot(3, b), from: slot(9),
      accepted: [
        AcceptedValue(slot: slot(9), ballot: ballot(1, a), value: batch(1)),
        AcceptedValue(slot: slot(12), ballot: .chosen, value: .noop),
        AcceptedValue(slot: slot(13), ballot: ballot(2, c), value: nil),
      ], next: slot(13)),
    .accept(
      ballot: ballot(3, b), first: slot(9), values: [batch(1), .noop], commitIndex: slot(4),
      round: 6),
    .accepted(ballot: ballot(3, b), first: slot(9), count: 2, gap: Gap(first: slot(7), count: 1)),
    .preempted(by: ballot(4, c)),
    .heartbeat(ballot: ballot(3, b), commitIndex: slot(4), next: slot(6), round: 5),
    .heartbeatAcknowledged(ballot: ballot(3, b), round: 5, gap: Gap(first: slot(5), count: 1)),
  ]

  @Test("Every message survives the wire, at the length it announced")
  func messagesRoundTrip() throws {
    for message in messages {
      let bytes = message.encoded()
      #expect(bytes.count == message.encodedByteCount)
      #expect(try WireReader.decode(Message.self, from: bytes) == message)
      for length in 0..<bytes.count {
        #expect(throws: WireError.self) {
          try WireReader.decode(Message.self, from: Array(bytes[..<length]))
        }
      }
    }
    #expect(throws: WireError.self) { try WireReader.decode(Message.self, from: [99]) }
  }

  @Test("Every record survives the disk")
  func recordsRoundTrip() throws {
    let records: [MultiPaxosReplica.Record] = [
      .promised(ballot(3, b)), .accepted(slot: slot(7), ballot: .chosen, value: batch(1)),
      .chosen(through: slot(5)),
    ]
    for record in records {
      let bytes = record.encoded()
      #expect(bytes.count == record.encodedByteCount)
      #expect(try WireReader.decode(MultiPaxosReplica.Record.self, from: bytes) == record)
    }
  }

  @Test("No message makes a replica trap, for any role, sender and numbers")
  func nonsense() {
    let ballots = [
      Ballot.none, ballot(1, a), ballot(1, b), ballot(2, c), ballot(9, ReplicaID(700)),
      ballot(Ballot.maximumRound, c), Ballot.chosen,
    ]
    let slots = [0, 1, 2, 5, 1 << 21, Int(Int64.max / 2) - 1].map { LogIndex($0) }
    var nonsense = messages
    for ballot in ballots {
      nonsense.append(.preempted(by: ballot))
      for slot in slots {
        nonsense += [
          .prepare(ballot: ballot, from: slot),
          .promise(
            ballot: ballot, from: slot,
            accepted: [AcceptedValue(slot: slot, ballot: ballot, value: batch(1))], next: slot),
          .promise(
            ballot: ballot, from: LogIndex(1),
            accepted: [AcceptedValue(slot: slot, ballot: .chosen, value: batch(1))], next: nil),
          .accept(
            ballot: ballot, first: slot, values: [batch(1), batch(2)],
            commitIndex: LogIndex(Int(Int64.max / 2) - 1), round: .max),
          .accept(ballot: ballot, first: slot, values: [], commitIndex: slot, round: 1),
          .accepted(ballot: ballot, first: slot, count: Int(UInt32.max), gap: .unknown),
          .accepted(
            ballot: ballot, first: slot, count: 1,
            gap: Gap(first: slot, count: Int(UInt32.max))),
          .accepted(ballot: ballot, first: slot, count: -1, gap: .unknown),
          .heartbeat(ballot: ballot, commitIndex: slot, next: slot, round: .max),
          .heartbeatAcknowledged(
            ballot: ballot, round: .max, gap: Gap(first: slot, count: Int(UInt32.max))),
        ]
      }
    }
    let senders = [a, b, c, ReplicaID(3), ReplicaID(65535)]
    for seed in 1...UInt64(20) {
      var random = RandomStream(seed: seed)
      var replica = Bare(b)
      for _ in 0..<400 {
        let message = nonsense[random.below(nonsense.count)]
        replica.receive(message, from: senders[random.below(senders.count)])
        if random.chance(0.1) { replica.fire(.election, after: .milliseconds(400)) }
        if random.chance(0.1) { replica.fire(.resend, after: .milliseconds(1)) }
        if random.chance(0.1) { replica.fire(.heartbeat, after: .milliseconds(1)) }
        replica.core.handle(.requested(batch(1)), at: replica.now, into: &replica.effects)
      }
    }
  }
}
