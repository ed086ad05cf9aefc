import Primitives
import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct KeyValueStoreTests {
  let a = Key("a")
  let long = Key(Array(repeating: 7, count: 40))

  @Test("A missing key has no value, and deleting it has no effect")
  func missing() {
    var store = KeyValueStore()
    #expect(store.apply(.get(a)) == .value(nil))
    #expect(store.apply(.delete(a)) == .number(0))
    #expect(store.count == 0 && store[a] == nil)
  }

  @Test("Put replaces, append extends or creates, delete removes")
  func updates() {
    var store = KeyValueStore()
    #expect(store.apply(.append(a, value: [1])) == .number(1))
    #expect(store.apply(.append(a, value: [2, 3])) == .number(3))
    #expect(store.apply(.get(a)) == .value([1, 2, 3]))
    #expect(store.apply(.put(a, value: [])) == .done)
    #expect(store.apply(.get(a)) == .value([]))
    #expect(store.apply(.delete(a)) == .number(1))
    #expect(store.query(.get(a)) == .value(nil))
  }

  @Test("A store wants its commands announced once it is too large for the caches")
  func announcement() {
    var store = KeyValueStore()
    let names = KeyNames()
    for number in 0..<4_095 { _ = store.apply(.put(names[number], value: [])) }
    #expect(!store.gainsByExpecting)
    _ = store.apply(.put(names[4_095], value: []))
    #expect(store.gainsByExpecting)
  }

  @Test("A compare-and-swap changes the value only if it is the expected one")
  func compareAndSwap() {
    var store = KeyValueStore()
    #expect(
      store.apply(.compareAndSwap(a, expected: [1], value: [2])) == .notSwapped(found: nil))
    // An empty value differs from a missing one.
    #expect(store.apply(.compareAndSwap(a, expected: [], value: [2])) == .notSwapped(found: nil))
    #expect(store.apply(.compareAndSwap(a, expected: nil, value: [2])) == .swapped)
    #expect(
      store.apply(.compareAndSwap(a, expected: nil, value: [3])) == .notSwapped(found: [2]))
    #expect(store.apply(.compareAndSwap(a, expected: [2], value: [3])) == .swapped)
    #expect(store[a] == [3])
  }

  @Test("Exists and length describe a value without returning it")
  func existsAndLength() {
    var store = KeyValueStore()
    #expect(store.apply(.exists(a)) == .number(0) && store.apply(.length(a)) == .number(0))
    _ = store.apply(.put(a, value: []))
    #expect(store.apply(.exists(a)) == .number(1) && store.query(.length(a)) == .number(0))
    _ = store.apply(.put(a, value: [1, 2]))
    #expect(store.query(.exists(a)) == .number(1) && store.apply(.length(a)) == .number(2))
  }

  @Test("A conditional put writes only if the key has no value, or only if it has one")
  func conditionalPuts() {
    var store = KeyValueStore()
    #expect(store.apply(.putIfPresent(a, value: [1])) == .number(0) && store[a] == nil)
    #expect(store.apply(.putIfAbsent(a, value: [2])) == .number(1) && store[a] == [2])
    #expect(store.apply(.putIfAbsent(a, value: [3])) == .number(0) && store[a] == [2])
    #expect(store.apply(.putIfPresent(a, value: [4])) == .number(1) && store[a] == [4])
  }

  @Test("An increment adds to the number that the value spells; a missing key counts as 0")
  func increment() {
    var store = KeyValueStore()
    #expect(store.apply(.increment(a, by: -5)) == .number(-5) && store[a] == Array("-5".utf8))
    #expect(store.apply(.increment(a, by: 15)) == .number(10) && store[a] == Array("10".utf8))
    #expect(store.apply(.increment(a, by: .max)) == .refused(.overflow))
    #expect(store[a] == Array("10".utf8))
    #expect(store.apply(.increment(a, by: .max - 10)) == .number(.max))
    #expect(store.apply(.increment(a, by: .min)) == .number(-1))
    #expect(store.apply(.increment(a, by: .min)) == .refused(.overflow))
    _ = store.apply(.put(a, value: Array("12x".utf8)))
    #expect(store.apply(.increment(a, by: 1)) == .refused(.notAnInteger))
    #expect(store[a] == Array("12x".utf8))
  }

  @Test("An append that would make the value too long is refused without effect")
  func appendLimit() {
    var store = KeyValueStore()
    let limit = KeyValueStore.maximumValueByteCount
    _ = store.apply(.put(a, value: Array(repeating: 1, count: limit - 1)))
    #expect(store.apply(.append(a, value: [1, 2])) == .refused(.tooLong))
    #expect(store[a]?.count == limit - 1)
    #expect(store.apply(.append(a, value: [1])) == .number(Int64(limit)))
  }

  @Test("A command without changes is read-only, and so is a sequence of such commands")
  func readOnly() {
    let reads: [KeyValueCommand] = [.get(a), .exists(a), .length(a)]
    let updates: [KeyValueCommand] = [
      .put(a, value: []), .delete(a), .append(a, value: []), .increment(a, by: 0),
      .compareAndSwap(a, expected: nil, value: []), .putIfAbsent(a, value: []),
      .putIfPresent(a, value: []),
    ]
    #expect(reads.allSatisfy(KeyValueStore.isReadOnly))
    #expect(!updates.contains(where: KeyValueStore.isReadOnly))
    for sequence in [KeyValueSequence(reads), []] {
      #expect(KeyValueStore.isReadOnly(.sequence(sequence)))
    }
    for update in updates {
      #expect(!KeyValueStore.isReadOnly(.sequence(KeyValueSequence(reads + [update]))))
    }
  }

  @Test("Equal states give equal snapshots whatever their past, and a snapshot restores the state")
  func snapshots() throws {
    var random = RandomStream(seed: 1)
    var first = KeyValueStore()
    var second = KeyValueStore()
    let keys = (0..<100).map { Key("key-number-\($0)-is-\($0 % 3 == 0 ? "a-long-one" : "")") }
    for key in keys { _ = first.apply(.put(key, value: Array(key.bytes.reversed()))) }
    for key in keys.shuffled(using: &random) {
      _ = second.apply(.put(Key("other"), value: [1]))
      _ = second.apply(.append(key, value: Array(key.bytes.reversed())))
    }
    #expect(first.snapshot() != second.snapshot())
    _ = second.apply(.delete(Key("other")))
    #expect(first.snapshot() == second.snapshot())
    let restored = try KeyValueStore(restoring: first.snapshot())
    #expect(restored.snapshot() == first.snapshot() && restored[keys[5]] == first[keys[5]])
  }

  @Test("A damaged snapshot is refused")
  func damagedSnapshot() throws {
    var store = KeyValueStore()
    _ = store.apply(.put(a, value: [1, 2]))
    let bytes = store.snapshot()
    for count in bytes.indices {
      #expect(throws: WireError.self) { try KeyValueStore(restoring: Array(bytes[..<count])) }
    }
    #expect(throws: WireError.self) { try KeyValueStore(restoring: bytes + [0]) }
  }

  @Test("Commands and responses survive encoding; truncations and unknown kinds are refused")
  func wire() throws {
    for key in [a, long, Key("")] {
      for value in [[], [1, 2, 3]] as [[UInt8]] {
        try roundTrip(KeyValueCommand.get(key))
        try roundTrip(KeyValueCommand.put(key, value: value))
        try roundTrip(KeyValueCommand.delete(key))
        try roundTrip(KeyValueCommand.append(key, value: value))
        try roundTrip(KeyValueCommand.compareAndSwap(key, expected: value, value: [9]))
        try roundTrip(KeyValueCommand.compareAndSwap(key, expected: nil, value: value))
        try roundTrip(KeyValueCommand.putIfAbsent(key, value: value))
        try roundTrip(KeyValueCommand.putIfPresent(key, value: value))
        try roundTrip(KeyValueCommand.sequence([.get(key), .put(key, value: value)]))
        try roundTrip(KeyValueResponse.value(value))
        try roundTrip(KeyValueResponse.notSwapped(found: value))
      }
    }
    for command: KeyValueCommand in [
      .exists(a), .length(long), .increment(a, by: .min), .sequence([]),
      .consecutive(names: [7, 8], first: 3, count: 5),
    ] {
      try roundTrip(command)
    }
    for response: KeyValueResponse in [
      .value(nil), .done, .swapped, .notSwapped(found: nil), .number(-7), .sequence([]),
      .sequence([.done, .value([1])]),
    ] {
      try roundTrip(response)
    }
    for refusal in KeyValueResponse.Refusal.allCases {
      try roundTrip(KeyValueResponse.refused(refusal))
    }
    #expect(throws: WireError.malformed("19 is no key-value command")) {
      try WireReader.decode(KeyValueCommand.self, from: [19] + a.encoded())
    }
    #expect(throws: WireError.malformed("9 is no key-value response")) {
      try WireReader.decode(KeyValueResponse.self, from: [9])
    }
    #expect(throws: WireError.malformed("7 is no reason to refuse")) {
      try WireReader.decode(KeyValueResponse.self, from: [5, 7])
    }
  }
}
