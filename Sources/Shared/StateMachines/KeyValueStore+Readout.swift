import Primitives
import WireFormat

/// A walk over the entries of a table as they were when it began, while the table changes: an entry
/// that is about to change is put aside if the walk has not reached it.
///
/// Values are shared with the table until then, so that beginning costs a bit per entry and no
/// copy. Each entry is written with its position, so that a store that is restored has its keys in
/// the same order: a `scan` that began at another replica goes on there and misses none.
struct TableReadout: Sendable {
  /// The position that the walk has reached.
  var cursor = 0
  /// The number of entries at the beginning.
  let end: Int
  /// Whether a position holds an entry written after the beginning.
  private var isFresh: [Bool]
  private var putAside: [(position: Int, key: Key, value: [UInt8])] = []

  init(count: Int) {
    end = count
    isFresh = Array(repeating: false, count: count)
  }

  /// Whether the entry at a position belongs to the walk and has not been written yet.
  private func isDue(_ position: Int) -> Bool {
    position >= cursor && position < end && !isFresh[position]
  }

  mutating func willChange(_ position: Int, in table: borrowing FlatTable<Key, [UInt8]>) {
    guard isDue(position) else { return }
    putAside.append((position, table.keys[position], table.values[position]))
    isFresh[position] = true
  }

  /// Called before an entry is added at the end.
  mutating func willAdd(to table: borrowing FlatTable<Key, [UInt8]>) {
    if table.count < end { isFresh[table.count] = true }
  }

  /// Called before an entry is removed: the last one of the table takes its place.
  mutating func willRemove(_ position: Int, from table: borrowing FlatTable<Key, [UInt8]>) {
    willChange(position, in: table)
    willChange(table.count - 1, in: table)
    if position < end { isFresh[position] = true }
  }

  /// Called before all entries are removed.
  mutating func willClear(_ table: borrowing FlatTable<Key, [UInt8]>) {
    for position in cursor..<max(cursor, min(end, table.count)) {
      willChange(position, in: table)
    }
    cursor = end
  }

  /// Writes the next entries, about `byteCount` bytes of them.
  /// - Returns: whether there were any.
  mutating func write(
    atMost byteCount: Int, of table: borrowing FlatTable<Key, [UInt8]>,
    into writer: inout WireWriter
  ) -> Bool {
    let start = writer.count
    while writer.count - start < byteCount, let entry = putAside.popLast() {
      TableReadout.write(entry.key, entry.value, at: entry.position, into: &writer)
    }
    // If much has changed, many positions are skipped; that is work, too, so steps are limited.
    var steps = 0
    while writer.count - start < byteCount, steps < 65_536, cursor < min(end, table.count) {
      steps += 1
      if !isFresh[cursor] {
        TableReadout.write(table.keys[cursor], table.values[cursor], at: cursor, into: &writer)
      }
      cursor += 1
    }
    return !putAside.isEmpty || cursor < min(end, table.count) || writer.count > start
  }

  private static func write(
    _ key: Key, _ value: [UInt8], at position: Int, into writer: inout WireWriter
  ) {
    writer.write(UInt32(position))
    writer.writeCounted(key.bytes)
    writer.writeCounted(value)
  }
}

extension KeyValueStore {
  public static var readsOutInParts: Bool { true }

  public mutating func beginReadout() {
    readout = TableReadout(count: values.count)
    isReadOut = true
  }

  public mutating func readOut(atMost byteCount: Int) -> [UInt8]? {
    guard isReadOut else { return nil }
    var writer = WireWriter()
    writer.reserve(byteCount + 4096)
    guard readout.write(atMost: byteCount, of: values, into: &writer) else {
      readout = TableReadout(count: 0)
      isReadOut = false
      return nil
    }
    return writer.bytes()
  }

  public mutating func restore(readingOut reader: inout WireReader) throws(WireError) {
    var entries: [(position: UInt32, key: Key, value: [UInt8])] = []
    while !reader.isAtEnd {
      let position = try reader.read(UInt32.self)
      let key = Key(try reader.readCounted())
      entries.append((position, key, try reader.readCounted()))
    }
    entries.sort { $0.position < $1.position }
    for (place, entry) in entries.enumerated() {
      guard Int(entry.position) == place else { throw .malformed("no entry at \(place)") }
      set(entry.key, to: entry.value)
      guard values.count == place + 1 else { throw .malformed("a key twice") }
    }
  }
}
