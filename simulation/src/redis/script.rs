//! Functions inside Redis: the product's own library, run by the same Lua as Redis runs it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mlua::{Function, Lua, Table, Value, Variadic};
use redis::Value as Answer;

use super::{
    commands::{Data, Outcome},
    keyspace::Text,
};

/// The functions of one Redis process.
pub(super) struct Script {
    lua: Lua,
    functions: Arc<Mutex<BTreeMap<String, Function>>>,
    /// Set once a library is loaded.
    pub(super) library: Option<String>,
}

impl Script {
    /// An interpreter whose `redis.call` works on `data`.
    pub(super) fn new(data: &Arc<Mutex<Data>>) -> mlua::Result<Self> {
        let lua = Lua::new();
        let functions = Arc::<Mutex<BTreeMap<String, Function>>>::default();
        let redis = lua.create_table()?;
        for (name, protected) in [("call", false), ("pcall", true)] {
            let data = Arc::clone(data);
            let call = lua.create_function(move |lua, arguments: Variadic<Value>| {
                let arguments: Vec<Text> = arguments
                    .iter()
                    .map(argument)
                    .collect::<mlua::Result<_>>()?;
                let outcome = data
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .run(&arguments);
                match outcome {
                    Ok(answer) => to_lua(lua, &answer),
                    Err(error) if protected => fields(lua, "err", &error).map(Value::Table),
                    Err(error) => Err(mlua::Error::RuntimeError(error)),
                }
            })?;
            redis.set(name, call)?;
        }
        for (name, field) in [("error_reply", "err"), ("status_reply", "ok")] {
            redis.set(
                name,
                lua.create_function(move |lua, text: String| fields(lua, field, &text))?,
            )?;
        }
        let registered = Arc::clone(&functions);
        redis.set(
            "register_function",
            lua.create_function(move |_, (name, function): (Value, Option<Function>)| {
                let (name, function) = match (name, function) {
                    (Value::Table(named), None) => {
                        (named.get("function_name")?, named.get("callback")?)
                    }
                    (Value::String(name), Some(function)) => (name.to_str()?.to_owned(), function),
                    _ => return Err(mlua::Error::RuntimeError("wrong arguments".to_owned())),
                };
                let mut registered = registered.lock().unwrap_or_else(PoisonError::into_inner);
                registered.insert(name, function);
                Ok(())
            })?,
        )?;
        lua.globals().set("redis", redis)?;
        Ok(Self {
            lua,
            functions,
            library: None,
        })
    }

    /// `FUNCTION LOAD`.
    pub(super) fn load(&mut self, source: &str) -> Outcome {
        let (first, rest) = source.split_once('\n').unwrap_or((source, ""));
        let name = first
            .strip_prefix("#!lua name=")
            .ok_or("ERR Missing library metadata")?;
        if self.library.is_some() {
            return Err(format!("ERR Library '{name}' already exists"));
        }
        self.lua
            .load(format!("\n{rest}"))
            .set_name(name)
            .exec()
            .map_err(|error| format!("ERR Error compiling function: {error}"))?;
        self.library = Some(source.to_owned());
        Ok(Answer::BulkString(name.as_bytes().to_vec()))
    }

    /// `FCALL name numkeys key … argument …`, without its first word.
    pub(super) fn call(&self, arguments: &[Text]) -> Outcome {
        let [name, count, rest @ ..] = arguments else {
            return Err("ERR wrong number of arguments for 'fcall' command".to_owned());
        };
        let function = {
            let functions = self
                .functions
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            functions.get(&*String::from_utf8_lossy(name)).cloned()
        };
        let function = function.ok_or("ERR Function not found")?;
        let count: usize = String::from_utf8_lossy(count)
            .parse()
            .map_err(|_| "ERR Bad number of keys provided")?;
        if count > rest.len() {
            return Err("ERR Number of keys can't be greater than number of args".to_owned());
        }
        let (keys, arguments) = rest.split_at(count);
        let run = || -> mlua::Result<Value> {
            let list = |texts: &[Text]| {
                let texts = texts.iter().map(|text| self.lua.create_string(text));
                self.lua
                    .create_sequence_from(texts.collect::<mlua::Result<Vec<_>>>()?)
            };
            function.call((list(keys)?, list(arguments)?))
        };
        match run() {
            Ok(value) => from_lua(&value),
            Err(error) => Err(format!("ERR {error}")),
        }
    }
}

fn fields(lua: &Lua, field: &str, text: &str) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.set(field, text)?;
    Ok(table)
}

fn argument(value: &Value) -> mlua::Result<Text> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Integer(number) => Ok(number.to_string().into_bytes()),
        // Lua has one kind of number; Redis writes whole ones without a fraction.
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        _ => Err(mlua::Error::RuntimeError(
            "ERR Lua redis lib command arguments must be strings or integers".to_owned(),
        )),
    }
}

fn to_lua(lua: &Lua, answer: &Answer) -> mlua::Result<Value> {
    Ok(match answer {
        Answer::Nil => Value::Boolean(false),
        #[expect(
            clippy::cast_precision_loss,
            reason = "as in Redis, whose Lua has doubles alone"
        )]
        Answer::Int(number) => Value::Number(*number as f64),
        Answer::BulkString(text) => Value::String(lua.create_string(text)?),
        Answer::SimpleString(text) => Value::Table(fields(lua, "ok", text)?),
        Answer::Okay => Value::Table(fields(lua, "ok", "OK")?),
        Answer::Array(items) => {
            let items = items.iter().map(|item| to_lua(lua, item));
            Value::Table(lua.create_sequence_from(items.collect::<mlua::Result<Vec<_>>>()?)?)
        }
        other => {
            return Err(mlua::Error::RuntimeError(format!(
                "no form in Lua: {other:?}"
            )));
        }
    })
}

fn from_lua(value: &Value) -> Outcome {
    Ok(match value {
        Value::String(text) => Answer::BulkString(text.as_bytes().to_vec()),
        Value::Integer(number) => Answer::Int(*number),
        #[expect(clippy::cast_possible_truncation, reason = "as in Redis")]
        Value::Number(number) => Answer::Int(*number as i64),
        Value::Boolean(true) => Answer::Int(1),
        Value::Table(table) => {
            if let Ok(Some(error)) = table.get::<Option<String>>("err") {
                return Err(error);
            }
            if let Ok(Some(status)) = table.get::<Option<String>>("ok") {
                return Ok(Answer::SimpleString(status));
            }
            let items = table.sequence_values::<Value>();
            let items = items.map(|item| from_lua(&item.map_err(|error| error.to_string())?));
            Answer::Array(items.collect::<Result<_, _>>()?)
        }
        _ => Answer::Nil,
    })
}
