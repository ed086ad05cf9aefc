import CProcessor
import Primitives
import Replication
import WireFormat

// A put looks up a slot, a key, an array and the array's bytes, one after the other. In a store
// larger than the caches each of these steps waits for memory, and together they take longer than
// all else that a replica does for the put. Here the steps of many commands overlap.

extension KeyValueStore {
  public func expect(_ commands: [Int], in bytes: [UInt8]) { expect(commands[...], in: bytes) }

  /// From about half a megabyte on, which is as much as the caches of one core hold for long.
  public var gainsByExpecting: Bool { values.count >= KeyValueStore.fewestFetchedKeys }

  static var fewestFetchedKeys: Int { 4_096 }

  func expect(_ commands: ArraySlice<Int>, in bytes: [UInt8]) {
    withUnsafeTemporaryAllocation(of: Expected.self, capacity: commands.count) { expected in
      var count = 0
      for offset in commands {
        guard let command = Expected(at: offset, in: bytes, secret: values.secret) else { continue }
        values.fetchSlot(command.hash)
        expected[count] = command
        count += 1
      }
      for index in 0..<count {
        expected[index].position = Int32(values.fetchEntry(expected[index].hash) ?? -1)
      }
      for index in 0..<count where expected[index].position >= 0 {
        fetchValue(at: Int(expected[index].position), byteCount: expected[index].byteCount)
      }
    }
  }

  /// Prefetches `byteCount` bytes of a value, and the array's header before them.
  private func fetchValue(at position: Int, byteCount: Int) {
    values.values.withUnsafeBytes { arrays in
      // An array is a pointer to its storage. Reading it as a raw pointer does not touch the
      // reference count in the storage, which would have to be fetched first.
      let storage = arrays.load(
        fromByteOffset: position * MemoryLayout<[UInt8]>.stride, as: UnsafeRawPointer.self)
      for offset in stride(from: 0, to: KeyValueStore.arrayHeaderByteCount + byteCount, by: 64) {
        processor_prefetch(storage + offset)
      }
    }
  }

  private static var arrayHeaderByteCount: Int { 32 }

  /// A command that will soon be applied.
  private struct Expected {
    let hash: UInt64
    /// The bytes of the value that it will probably touch: as many as it carries, at most half a
    /// kilobyte.
    let byteCount: Int
    var position: Int32 = -1

    init?(at offset: Int, in bytes: [UInt8], secret: FlatHashSecret) {
      var reader = WireReader(bytes, in: offset..<bytes.count)
      guard let kind = try? reader.read(UInt8.self), kind < Command.sequenceKind,
        let key = try? Key(from: &reader)
      else { return nil }
      hash = key.flatHash(secret)
      guard kind == Command.putKind, let length = try? reader.read(UInt32.self) else {
        byteCount = 32
        return
      }
      byteCount = min(Int(length), 512)
    }
  }
}
