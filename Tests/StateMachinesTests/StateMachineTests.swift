import Replication
import StateMachines
import Testing

@Suite struct KeyValueStoreTests {
  let a = Key("a")
  let long = Key(Array(repeating: 7, count: 40))

  @Test("A key that is missing has no value, and deleting it does nothing")
  func missing() {
    var store = KeyValueStore()
    #expect(store.apply(.get(a)) == .value(nil))
    #expect(store.apply(.delete(a)) == .done)
    #expect(store.count == 0 && store[a] == nil)
  }

  @Test("Put replaces, append adds behind and creates, delete removes")
  func updates() {
    var store = KeyValueStore()
    #expect(store.apply(.append(a, value: [1])) == .done)
    #expect(store.apply(.append(a, value: [2, 3])) == .done)
    #expect(store.apply(.get(a)) == .value([1, 2, 3]))
    #expect(store.apply(.put(a, value: [])) == .done)
    #expect(store.apply(.get(a)) == .value([]))
    #expect(store.apply(.delete(a)) == .done)
    #expect(store.query(.get(a)) == .value(nil))
  }

  @Test("A compare-and-swap changes the value only if it finds what it expects")
  func compareAndSwap() {
    var store = KeyValueStore()
    #expect(
      store.apply(.compareAndSwap(a, expected: [1], value: [2])) == .notSwapped(found: nil))
    // An empty value is not a missing one.
    #expect(store.apply(.compareAndSwap(a, expected: [], value: [2])) == .notSwapped(found: nil))
    #expect(store.apply(.compareAndSwap(a, expected: nil, value: [2])) == .swapped)
    #expect(
      store.apply(.compareAndSwap(a, expected: nil, value: [3])) == .notSwapped(found: [2]))
    #expect(store.apply(.compareAndSwap(a, expected: [2], value: [3])) == .swapped)
    #expect(store[a] == [3])
  }

  @Test("Only a get is read-only")
  func readOnly() {
    let commands: [KeyValueCommand] = [
      .get(a), .put(a, value: []), .delete(a), .append(a, value: []),
      .compareAndSwap(a, expected: nil, value: []),
    ]
    #expect(commands.map(KeyValueStore.isReadOnly) == [true, false, false, false, false])
  }

  @Test("Equal states give equal snapshots however they came about, and a snapshot restores")
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

  @Test("Every command and every response survives the wire; truncations and unknown kinds do not")
  func wire() throws {
    for key in [a, long, Key("")] {
      for value in [[], [1, 2, 3]] as [[UInt8]] {
        try roundTrip(KeyValueCommand.get(key))
        try roundTrip(KeyValueCommand.put(key, value: value))
        try roundTrip(KeyValueCommand.delete(key))
        try roundTrip(KeyValueCommand.append(key, value: value))
        try roundTrip(KeyValueCommand.compareAndSwap(key, expected: value, value: [9]))
        try roundTrip(KeyValueCommand.compareAndSwap(key, expected: nil, value: value))
        try roundTrip(KeyValueResponse.value(value))
        try roundTrip(KeyValueResponse.notSwapped(found: value))
      }
    }
    for response: KeyValueResponse in [.value(nil), .done, .swapped, .notSwapped(found: nil)] {
      try roundTrip(response)
    }
    #expect(throws: WireError.malformed("5 is no key-value command")) {
      try WireReader.decode(KeyValueCommand.self, from: [5] + a.encoded())
    }
    #expect(throws: WireError.malformed("4 is no key-value response")) {
      try WireReader.decode(KeyValueResponse.self, from: [4])
    }
  }
}

@Suite struct SmallStateMachineTests {
  @Test("A counter adds, wraps around, and tells the value after the command")
  func counter() throws {
    var counter = Counter()
    #expect(counter.apply(.add(3)) == 3 && counter.apply(.add(.max)) == 2)
    #expect(counter.apply(.read) == 2 && counter.query(.read) == 2)
    #expect(Counter.isReadOnly(.read) && !Counter.isReadOnly(.add(0)))
    #expect(try Counter(restoring: counter.snapshot()).value == 2)
    #expect(throws: WireError.self) { try Counter(restoring: counter.snapshot() + [0]) }
    try roundTrip(Counter.Command.add(1 << 40))
    try roundTrip(Counter.Command.read)
    #expect(throws: WireError.self) { try WireReader.decode(Counter.Command.self, from: [2]) }
  }

  @Test("A register swaps only what it expects, and tells what it holds")
  func register() throws {
    var register = Register()
    #expect(register.apply(.read) == .init(value: 0, succeeded: true))
    #expect(register.apply(.write(4)) == .init(value: 4, succeeded: true))
    #expect(
      register.apply(.compareAndSwap(expected: 3, value: 5)) == .init(value: 4, succeeded: false))
    #expect(
      register.apply(.compareAndSwap(expected: 4, value: 5)) == .init(value: 5, succeeded: true))
    #expect(register.query(.read).value == 5)
    #expect(try Register(restoring: register.snapshot()).value == 5)
    #expect(Register.isReadOnly(.read) && !Register.isReadOnly(.write(0)))
    for command: Register.Command in [.read, .write(8), .compareAndSwap(expected: 1, value: 2)] {
      try roundTrip(command)
    }
    try roundTrip(Register.Response(value: 3, succeeded: false))
    #expect(throws: WireError.self) { try WireReader.decode(Register.Command.self, from: [3]) }
  }
}
