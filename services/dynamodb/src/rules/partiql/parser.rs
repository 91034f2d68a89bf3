//! The grammar of statements.

use super::syntax::{Change, Order, Returning, Source, Statement, Verb};
use super::terms::Cursor;
use super::{lexer::Kind, not_well_formed};

/// Parses a statement.
///
/// # Errors
/// AWS's message.
pub fn parse(text: &str) -> Result<Statement, String> {
    let mut cursor = Cursor::new(text)?;
    let statement = statement(&mut cursor)?;
    cursor.expect_end()?;
    Ok(statement)
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    if cursor.take_keyword("SELECT") {
        select(cursor)
    } else if cursor.take_keyword("INSERT") {
        insert(cursor)
    } else if cursor.take_keyword("UPDATE") {
        update(cursor)
    } else if cursor.take_keyword("DELETE") {
        delete(cursor)
    } else if cursor.take_keyword("FROM") {
        from_first(cursor)
    } else if cursor.take_keyword("EXISTS") {
        cursor.expect_sign("(")?;
        cursor.expect_keyword("SELECT")?;
        let Statement { source, condition, parameters, .. } = select(cursor)?;
        cursor.expect_sign(")")?;
        Ok(Statement { verb: Verb::Exists, source, condition, parameters })
    } else {
        Err(not_well_formed("Unexpected term"))
    }
}

fn source(cursor: &mut Cursor<'_>) -> Result<Source, String> {
    let table = cursor.name()?;
    let index = if cursor.take_sign(".") { Some(cursor.name()?) } else { None };
    Ok(Source { table, index })
}

/// Refuses another name for a table, where a statement could go on with one.
fn refuse_alias(cursor: &mut Cursor<'_>, followers: &[&str]) -> Result<(), String> {
    let named = match cursor.kind() {
        Kind::Name(_) => true,
        Kind::Word => !followers.iter().any(|follower| cursor.at_keyword(follower)),
        _ => false,
    };
    if named { Err("Aliasing is not supported".to_owned()) } else { Ok(()) }
}

fn select(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    let columns = if cursor.take_sign("*") { None } else { Some(columns(cursor)?) };
    cursor.expect_keyword("FROM")?;
    let source = source(cursor)?;
    refuse_alias(cursor, &["WHERE", "ORDER", "GROUP", "HAVING", "LIMIT"])?;
    let condition = cursor.condition_clause()?;
    let mut order = Vec::new();
    if cursor.take_keyword("ORDER") {
        cursor.expect_keyword("BY")?;
        loop {
            let path = cursor.path()?;
            let descending = cursor.take_keyword("DESC");
            if !descending {
                cursor.take_keyword("ASC");
            }
            order.push(Order { path, descending });
            if !cursor.take_sign(",") {
                break;
            }
        }
    }
    let verb = Verb::Select(columns, order);
    Ok(Statement { verb, source, condition, parameters: cursor.parameters() })
}

fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<super::super::expression::path::Path>, String> {
    let mut columns = vec![cursor.column()?];
    while cursor.take_sign(",") {
        columns.push(cursor.column()?);
    }
    Ok(columns)
}

fn insert(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    cursor.expect_keyword("INTO")?;
    let source = source(cursor)?;
    if !cursor.take_keyword("VALUE") {
        cursor.expect_end()?;
        return Err(not_well_formed("Unexpected term"));
    }
    let verb = Verb::Insert(cursor.term()?);
    Ok(Statement { verb, source, condition: None, parameters: cursor.parameters() })
}

fn changes(cursor: &mut Cursor<'_>) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    loop {
        if cursor.take_keyword("SET") {
            loop {
                let path = cursor.path()?;
                cursor.expect_sign("=")?;
                changes.push(Change::Set(path, cursor.sum()?));
                if !cursor.take_sign(",") {
                    break;
                }
            }
        } else if cursor.take_keyword("REMOVE") {
            changes.push(Change::Remove(cursor.path()?));
            while cursor.take_sign(",") {
                changes.push(Change::Remove(cursor.path()?));
            }
        } else if changes.is_empty() {
            return Err(not_well_formed("Expected data manipulation"));
        } else {
            return Ok(changes);
        }
    }
}

fn returning(cursor: &mut Cursor<'_>) -> Result<Option<Returning>, String> {
    if !cursor.take_keyword("RETURNING") {
        return Ok(None);
    }
    let modified_only = cursor.take_keyword("MODIFIED");
    if !modified_only {
        cursor.expect_keyword("ALL")?;
    }
    let new = cursor.take_keyword("NEW");
    if !new {
        cursor.expect_keyword("OLD")?;
    }
    cursor.expect_sign("*")?;
    Ok(Some(Returning { modified_only, new }))
}

fn update(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    let source = source(cursor)?;
    if !matches!(cursor.kind(), Kind::Word | Kind::Name(_)) {
        return Err(not_well_formed("Expected data manipulation"));
    }
    refuse_alias(cursor, &["SET", "REMOVE"])?;
    let changes = changes(cursor)?;
    let condition = cursor.condition_clause()?;
    let verb = Verb::Update(changes, returning(cursor)?);
    Ok(Statement { verb, source, condition, parameters: cursor.parameters() })
}

/// `FROM table WHERE … SET …`: the other order of an update.
fn from_first(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    let source = source(cursor)?;
    refuse_alias(cursor, &["WHERE", "SET", "REMOVE"])?;
    let condition = cursor.condition_clause()?;
    let changes = changes(cursor)?;
    let verb = Verb::Update(changes, returning(cursor)?);
    Ok(Statement { verb, source, condition, parameters: cursor.parameters() })
}

fn delete(cursor: &mut Cursor<'_>) -> Result<Statement, String> {
    cursor.expect_keyword("FROM")?;
    let source = source(cursor)?;
    refuse_alias(cursor, &["WHERE", "RETURNING", "ORDER"])?;
    let condition = cursor.condition_clause()?;
    let verb = Verb::Delete(returning(cursor)?);
    Ok(Statement { verb, source, condition, parameters: cursor.parameters() })
}
